package main

import (
	"math/big"
	"slices"
)

// The standard library verifies signatures but does not show points, and one rule needs them: a key that is registered
// must lie in the subgroup of prime order. Public inputs only, so plain big numbers will do.

func bigHex(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 16)
	return n
}

var (
	fieldP = bigHex("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")
	groupL = bigHex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed")
	curveD = bigHex("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")
	one    = big.NewInt(1)
)

// point is (X/Z, Y/Z); the formulas are complete on this curve, so no special cases.
type point struct{ x, y, z *big.Int }

func mul(a, b *big.Int) *big.Int { c := new(big.Int).Mul(a, b); return c.Mod(c, fieldP) }
func add(a, b *big.Int) *big.Int { c := new(big.Int).Add(a, b); return c.Mod(c, fieldP) }
func sub(a, b *big.Int) *big.Int { c := new(big.Int).Sub(a, b); return c.Mod(c, fieldP) }

func (p point) plus(q point) point {
	a := mul(p.z, q.z)
	b := mul(a, a)
	c, d := mul(p.x, q.x), mul(p.y, q.y)
	e := mul(curveD, mul(c, d))
	f, g := sub(b, e), add(b, e)
	cross := sub(sub(mul(add(p.x, p.y), add(q.x, q.y)), c), d)
	return point{mul(a, mul(f, cross)), mul(a, mul(g, add(d, c))), mul(f, g)}
}

// yOf reads the y of an encoding, with the sign bit masked.
func yOf(encoding []byte) *big.Int {
	raw := slices.Clone(encoding)
	raw[31] &= 0x7f
	slices.Reverse(raw)
	return new(big.Int).SetBytes(raw)
}

func decompress(encoding []byte) (point, bool) {
	y := yOf(encoding)
	if y.Cmp(fieldP) >= 0 {
		return point{}, false
	}
	yy := mul(y, y)
	inverse := new(big.Int).ModInverse(add(mul(curveD, yy), one), fieldP)
	x := new(big.Int).ModSqrt(mul(sub(yy, one), inverse), fieldP)
	if x == nil {
		return point{}, false
	}
	sign := uint(encoding[31] >> 7)
	if x.Sign() == 0 && sign == 1 {
		return point{}, false
	}
	if x.Bit(0) != sign {
		x = sub(new(big.Int), x)
	}
	return point{x, y, one}, true
}

// hasPrimeOrder says whether the encoding is a point A other than the neutral one with [L]A neutral.
func hasPrimeOrder(encoding []byte) bool {
	p, ok := decompress(encoding)
	if !ok || isSmall(encoding) {
		return false
	}
	sum := point{new(big.Int), one, one}
	for i := groupL.BitLen() - 1; i >= 0; i-- {
		sum = sum.plus(sum)
		if groupL.Bit(i) == 1 {
			sum = sum.plus(p)
		}
	}
	return sum.x.Sign() == 0 && sum.y.Cmp(sum.z) == 0
}
