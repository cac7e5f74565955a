// In which chapter of the reference does a component stand? In that of the folder that declares it: the slot.
import { basename, dirname } from "node:path";
import { Comment, CommentTag, Converter } from "typedoc";

/** Files at the top of the library: what all slots have in common. */
const common = "platform";

/** Called by typedoc. */
export const load = (app) => {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    if (!file || reflection.parent?.isProject() !== true) return;
    const folder = basename(dirname(file));
    reflection.comment ??= new Comment();
    reflection.comment.blockTags.push(
      new CommentTag("@category", [{ kind: "text", text: folder === "components" ? common : folder }]),
    );
  });
};
