/**
 * The failures that verification promises to throw; the same families and the same rule codes as the Python library.
 *
 * Rules: every error names the rule that was broken (`rule`, a stable dotted code) and says in one plain English sentence
 * what was found (`detail`). The families differ in what a caller may conclude: `CannotTellError` is never a forgery.
 * A programming mistake is not wrapped: it surfaces as itself.
 */

/** Base of all expected failures. */
export class LedgerError extends Error {
  /**
   * @param {string} rule stable dotted code
   * @param {string} detail a sentence for people
   */
  constructor(rule, detail) {
    super(`${detail} [${rule}]`);
    this.name = new.target.name;
    this.rule = rule;
    this.detail = detail;
  }
}

/** Bytes or text that do not follow the format. */
export class FormatError extends LedgerError {}

/** Well-formed evidence that does not match. */
export class VerificationError extends LedgerError {}

/** Evidence that this verifier cannot judge: an unknown version, type or key, a missing part, a missing browser feature. */
export class CannotTellError extends LedgerError {}

/** A record that the chain rules would not admit. */
export class RefusedError extends LedgerError {}
