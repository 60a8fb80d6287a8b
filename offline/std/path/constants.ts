import { sep } from "node:path";

/** The separator between the parts of a path on this system. */
export const SEPARATOR: "/" | "\\" = sep;
