package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// Proof is a C2SP tlog-proof, read but not believed.
type Proof struct {
	Extra      []byte
	Index      uint64
	Path       [][]byte
	Checkpoint []byte
}

func parseProof(data []byte) (*Proof, error) {
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return nil, errors.New("not a tlog-proof of version 1")
	}
	if !found {
		return nil, errors.New("the proof has no checkpoint")
	}
	proof := &Proof{Checkpoint: checkpoint}
	lines = lines[1:]
	var err error
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if proof.Extra, err = decodeBase64(lines[0][len("extra "):]); err != nil || len(proof.Extra) == 0 {
			return nil, errors.New("the proof's extra line is not well-formed base64 of something")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("the proof has no index line")
	}
	if proof.Index, err = parseDecimal(lines[0][len("index "):]); err != nil {
		return nil, fmt.Errorf("the proof's index: %w", err)
	}
	if len(lines)-1 > maxPath {
		return nil, errors.New("the proof's path is too long")
	}
	for _, line := range lines[1:] {
		node, err := decodeBase64(line)
		if err != nil || len(node) != 32 {
			return nil, errors.New("a line of the proof's path is not a hash")
		}
		proof.Path = append(proof.Path, node)
	}
	_, _, err = parseSignedCheckpoint(checkpoint)
	return proof, err
}
