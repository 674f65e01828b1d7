package main

import (
	"crypto/ed25519"
	"errors"
	"math/big"
)

const (
	contextEntry      = "sogoc/v1/entry"
	contextHeader     = "sogoc/v1/header"
	contextPossession = "sogoc/v1/key-possession"
)

var errSignature = errors.New("the signature is not valid")

// smallY holds the y of the points of orders 1, 2, 4 and 8. With the sign bit they make the ten encodings.
var smallY = []*big.Int{
	one,
	new(big.Int).Sub(fieldP, one),
	new(big.Int),
	bigHex("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826"),
	bigHex("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"),
}

func isSmall(encoding []byte) bool {
	y := yOf(encoding)
	for _, small := range smallY {
		if y.Cmp(small) == 0 {
			return true
		}
	}
	return false
}

// inContext separates the purposes of a key: a signature for one is none for another.
func inContext(context string, message []byte) []byte {
	return append(append([]byte(context), 0), message...)
}

// checkSignature is the narrow rule of consensus. The library already refuses an S of L and above and compares [S]B - [k]A with
// the bytes of R without the cofactor; what it lets pass, and this does not, are an A of odd encoding and points of small order.
func checkSignature(key, message, signature []byte) error {
	if len(key) != 32 || len(signature) != 64 {
		return errSignature
	}
	for _, encoding := range [][]byte{key, signature[:32]} {
		if yOf(encoding).Cmp(fieldP) >= 0 || isSmall(encoding) {
			return errSignature
		}
	}
	if !ed25519.Verify(key, message, signature) {
		return errSignature
	}
	return nil
}
