import { sep } from "node:path";

/** What stands between the parts of a path on this system. */
export const SEPARATOR: "/" | "\\" = sep;
