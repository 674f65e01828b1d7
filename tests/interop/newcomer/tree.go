package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/bits"
)

// maxPath is above any path of a log that could exist.
const maxPath = 64

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// The prefixes keep a leaf from being read as an inner node.
func leafHash(data []byte) []byte        { return hash([]byte{0}, data) }
func nodeHash(left, right []byte) []byte { return hash([]byte{1}, left, right) }

// frontier is a growing tree, kept as the roots of its complete subtrees, largest first.
type frontier struct {
	size  uint64
	peaks [][]byte
}

func (f *frontier) add(leaf []byte) {
	// Each trailing one bit of the old size is a complete subtree that the new leaf completes into a larger one.
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.peaks) - 1
		leaf = nodeHash(f.peaks[last], leaf)
		f.peaks = f.peaks[:last]
	}
	f.peaks = append(f.peaks, leaf)
	f.size++
}

func (f *frontier) root() []byte {
	if f.size == 0 {
		return hash()
	}
	root := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		root = nodeHash(f.peaks[i], root)
	}
	return root
}

// treeRoot is the Merkle Tree Hash over leaf hashes.
func treeRoot(leaves [][]byte) []byte {
	var f frontier
	for _, leaf := range leaves {
		f.add(leaf)
	}
	return f.root()
}

// checkInclusion follows RFC 9162, section 2.1.3.2; the length of the path is known before any hashing.
func checkInclusion(leaf []byte, index, size uint64, path [][]byte, root []byte) error {
	if index >= size {
		return errors.New("the index is outside the tree")
	}
	inner := bits.Len64(index ^ (size - 1))
	border := bits.OnesCount64(index >> inner)
	if len(path) != inner+border || len(path) > maxPath {
		return errors.New("the path has the wrong length")
	}
	node := leaf
	for i, sibling := range path {
		if len(sibling) != 32 {
			return errors.New("a hash of the path does not have 32 bytes")
		}
		// Above the inner levels the node is on the right border, where every sibling is to the left.
		if i >= inner || index>>i&1 == 1 {
			node = nodeHash(sibling, node)
		} else {
			node = nodeHash(node, sibling)
		}
	}
	if !bytes.Equal(node, root) {
		return errors.New("the path does not lead to the root")
	}
	return nil
}
