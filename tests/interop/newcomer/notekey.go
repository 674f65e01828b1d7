package main

import (
	"encoding/hex"
	"errors"
	"strings"
)

// Signature types of the signed-note format. The post-quantum one is read, so that a policy may name such a witness,
// but it never counts: the standard library cannot verify it.
const (
	typeLog         = 1
	typeCosigner    = 4
	typePostQuantum = 6
)

// noteKey is a verifier key.
type noteKey struct {
	Name string
	ID   [4]byte
	Type byte
	Key  []byte
}

func parseNoteKey(s string, types ...byte) (noteKey, error) {
	name, rest, _ := strings.Cut(s, "+")
	id, encoded, found := strings.Cut(rest, "+")
	if !found || !isKeyName(name) {
		return noteKey{}, errors.New("a key is not name+id+key")
	}
	raw, err := decodeBase64(encoded)
	if err != nil || len(raw) == 0 {
		return noteKey{}, errors.New("a key is not well-formed base64")
	}
	key := noteKey{name, [4]byte(hash([]byte(name), []byte{'\n'}, raw)), raw[0], raw[1:]}
	fits := false
	for _, t := range types {
		fits = fits || t == key.Type
	}
	switch {
	case !fits:
		return noteKey{}, errors.New("a key is of a type that does not belong here")
	case key.Type != typePostQuantum && !(len(key.Key) == 32 && hasPrimeOrder(key.Key)):
		return noteKey{}, errors.New("a key is not in the subgroup of prime order")
	case key.Type == typePostQuantum && len(key.Key) != 1312:
		return noteKey{}, errors.New("a key has the wrong length")
	case hex.EncodeToString(key.ID[:]) != id:
		return noteKey{}, errors.New("a key's id is not the hash of its name and key")
	}
	return key, nil
}

func find(keys []noteKey, s NoteSignature) (noteKey, bool) {
	for _, key := range keys {
		if key.Name == s.Name && key.ID == s.ID {
			return key, true
		}
	}
	return noteKey{}, false
}
