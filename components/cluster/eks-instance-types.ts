// What is known of a type of instance by its name alone?

/** Letters of families with accelerators: GPUs, and chips for machine learning, video and logic of one's own. */
const accelerated = /^(p|g|gr|inf|trn|dl|vt|f)\d/;

/** Whether it has an accelerator. */
export const hasAccelerator = (type: string): boolean => accelerated.test(type);

/** Architecture of its processor: behind the generation, a `g` stands for Graviton. */
export const architectureOf = (type: string): "amd64" | "arm64" => {
  const [family = ""] = type.split(/[-.]/);
  return family === "a1" || /^[a-z]+\d+[a-z]*g/.test(family) ? "arm64" : "amd64";
};
