// Another team's program without any agent: Pulumi renders an app at the tip of a branch, and applies it.
import { App, push } from "../components/index.ts";

const shop = {
  name: "shop",
  repository: process.env.SHOP_REPOSITORY ?? "https://git.example.com/shop.git",
  path: "deploy",
};

export const { namespace } = new App("shop", shop, { agent: await push(shop) });
