/** The parts of a path, as {@linkcode parse} returns them. */
export interface ParsedPath {
  /** The root, such as `/`; empty for a relative path. */
  root: string;
  /** The path up to the last part. */
  dir: string;
  /** The last part. */
  base: string;
  /** The extension of the last part, with its dot. */
  ext: string;
  /** The last part without its extension. */
  name: string;
}
