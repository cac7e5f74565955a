// How is a network cut into subnets, and do two networks share addresses? Arithmetic of IPv4 blocks.

/** A block of IPv4 addresses. */
export interface Block {
  /** First address, as a number. */
  readonly first: number;
  /** Length of the prefix: 16. */
  readonly prefix: number;
}

const size = (prefix: number): number => 2 ** (32 - prefix);

/** Reads "10.0.0.0/16"; undefined where it is no block, or its address is not the first one of it. */
export const parseBlock = (text: string): Block | undefined => {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text)?.slice(1).map(Number);
  if (!parts) return undefined;
  const prefix = parts.pop() ?? 0;
  if (prefix > 32 || parts.some((part) => part > 255)) return undefined;
  const first = parts.reduce((number, part) => number * 256 + part, 0);
  return first % size(prefix) === 0 ? { first, prefix } : undefined;
};

/** Writes a block as it is read. */
export const formatBlock = ({ first, prefix }: Block): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${prefix}`;

/** Whether two blocks share an address. */
export const overlap = (one: Block, other: Block): boolean =>
  one.first < other.first + size(other.prefix) && other.first < one.first + size(one.prefix);

/** Whether a block lies in another as a whole. */
export const within = (inner: Block, outer: Block): boolean => inner.prefix >= outer.prefix && overlap(inner, outer);

/** The part of a block with a number, of 2 to the power of `bits` equal ones. */
export const part = ({ first, prefix }: Block, bits: number, index: number): Block => ({
  first: first + index * size(prefix + bits),
  prefix: prefix + bits,
});
