/**
 * Proof files: a leaf's place in a log, with the checkpoint that vouches for the log (c2sp.org/tlog-proof).
 *
 * Rules: a first line that names the format; an `extra` line or none; an `index` line; the inclusion path, one hash a line; an
 * empty line; the signed checkpoint as it is. `extra` is covered by no signature: whoever reads it checks it by other means.
 */

import { fromBase64 } from "./bytes.js";
import { parseCheckpoint, parseDecimal, parseHash } from "./checkpoint.js";
import { CannotTellError, FormatError } from "./errors.js";
import { MAX_PATH } from "./merkle.js";
import { toText } from "./note.js";

const MAX_PROOF_BYTES = 1_000_000;
const FAMILY = "c2sp.org/tlog-proof@";
const MAGIC = `${FAMILY}v1`;

/** @typedef {{index: bigint, path: Uint8Array[], checkpointText: string, extra: Uint8Array|null}} TlogProof */

/**
 * Read a proof file strictly, its checkpoint included. Throws FormatError, or CannotTellError (`tlog-proof.version`).
 * @param {string|Uint8Array} data
 * @returns {TlogProof}
 */
export function parseTlogProof(data) {
  const text = toText(data, "tlog-proof", MAX_PROOF_BYTES);
  const end = text.indexOf("\n\n");
  const [magic, ...rest] = (end < 0 ? text : text.slice(0, end)).split("\n");
  if (magic !== MAGIC) {
    if (magic.startsWith(FAMILY)) {
      throw new CannotTellError("tlog-proof.version", "this proof has a version that is not known here; only v1 is");
    }
    throw new FormatError("tlog-proof.header", `a proof file starts with the line ${MAGIC}`);
  }
  if (end < 0) {
    throw new FormatError("tlog-proof.no-checkpoint", "a proof file has an empty line, then a checkpoint");
  }
  let extra = null;
  if (rest[0]?.startsWith("extra ")) {
    extra = fromBase64(/** @type {string} */ (rest.shift()).slice("extra ".length), "tlog-proof.extra");
    if (!extra.length) {
      throw new FormatError("tlog-proof.extra", "an extra line with nothing in it is to be left out");
    }
  }
  if (!rest[0]?.startsWith("index ")) {
    throw new FormatError("tlog-proof.index", "a proof file has an index line where this one has another");
  }
  const index = parseDecimal(/** @type {string} */ (rest.shift()).slice("index ".length), "tlog-proof.index");
  if (rest.length > MAX_PATH) {
    throw new FormatError("tlog-proof.path", `an inclusion path has at most ${MAX_PATH} hashes`);
  }
  const path = rest.map((line) => parseHash(line, "tlog-proof.path"));
  const checkpointText = text.slice(end + 2);
  parseCheckpoint(checkpointText);
  return { index, path, checkpointText, extra };
}
