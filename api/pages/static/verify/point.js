/**
 * Whether a public key lies in the prime-order subgroup of edwards25519 (docs/spec.md §3, "fit for registration").
 *
 * WebCrypto has no such check, and a key outside the subgroup can make signatures whose verdict depends on the equation that
 * a verifier uses. This is arithmetic on public data, with nothing secret in it: it signs nothing and accepts no signature.
 *
 * A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z, on −x² + y² = 1 + d·x²·y² (RFC 8032 §5.1.4).
 */

/** @typedef {[bigint, bigint, bigint, bigint]} Point */

export const FIELD_PRIME = 2n ** 255n - 19n;
export const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const P = FIELD_PRIME;
const D = modulo(-121665n * power(121666n, P - 2n));
const SQRT_MINUS_1 = power(2n, (P - 1n) / 4n);

/** @type {Point} */
const NEUTRAL = [0n, 1n, 1n, 0n];

/** @param {bigint} value */
function modulo(value) {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/**
 * @param {bigint} base
 * @param {bigint} exponent
 */
function power(base, exponent) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % P;
    if (bit === "1") {
      result = (result * base) % P;
    }
  }
  return result;
}

/**
 * A number from little-endian bytes.
 * @param {Uint8Array} bytes
 */
export function littleEndian(bytes) {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/**
 * The point that 32 bytes with a y below p encode, or null if there is none (RFC 8032 §5.1.3).
 * @param {Uint8Array} encoded
 * @returns {Point|null}
 */
function decompress(encoded) {
  const number = littleEndian(encoded);
  const sign = number >> 255n;
  const y = number & (2n ** 255n - 1n);
  const u = modulo(y * y - 1n);
  const v = modulo(D * y * y + 1n);
  // A square root of u/v: its candidate, or that times the square root of −1.
  let x = modulo(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (modulo(v * x * x) !== u) {
    x = modulo(x * SQRT_MINUS_1);
    if (modulo(v * x * x) !== u) return null;
  }
  if (x === 0n && sign === 1n) return null;
  if ((x & 1n) !== sign) {
    x = P - x;
  }
  return [x, y, 1n, modulo(x * y)];
}

/**
 * The sum of two points, which may be the same: the formulas are complete (RFC 8032 §5.1.4).
 * @param {Point} p
 * @param {Point} q
 * @returns {Point}
 */
function add(p, q) {
  const a = ((p[1] - p[0]) * (q[1] - q[0])) % P;
  const b = ((p[1] + p[0]) * (q[1] + q[0])) % P;
  const c = (((2n * p[3] * q[3]) % P) * D) % P;
  const d = (2n * p[2] * q[2]) % P;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

/**
 * Whether 32 bytes, canonical and not of small order, encode a point of the prime-order subgroup: L times it is neutral.
 * @param {Uint8Array} encoded
 */
export function isInSubgroup(encoded) {
  const point = decompress(encoded);
  if (point === null) return false;
  let multiple = NEUTRAL;
  for (const bit of GROUP_ORDER.toString(2)) {
    multiple = add(multiple, multiple);
    if (bit === "1") {
      multiple = add(multiple, point);
    }
  }
  return modulo(multiple[0]) === 0n && modulo(multiple[1] - multiple[2]) === 0n;
}
