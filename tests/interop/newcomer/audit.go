package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const tileWidth = 256

// tilePath is where the format keeps tile n of a kind, for a tree that gives it that width.
func tilePath(kind string, n, width uint64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/", n%1000) + path
	}
	if width < tileWidth {
		path += ".p/" + strconv.FormatUint(width, 10)
	}
	return filepath.Join("tile", kind, filepath.FromSlash(path))
}

// take16 cuts a 16-bit big-endian number off the front.
func take16(data []byte) (int, []byte, error) {
	if len(data) < 2 {
		return 0, nil, errors.New("the file is cut off")
	}
	return int(binary.BigEndian.Uint16(data)), data[2:], nil
}

func takeItem(data []byte) ([]byte, []byte, error) {
	n, data, err := take16(data)
	if err != nil || n > len(data) {
		return nil, nil, errors.New("the file is cut off")
	}
	return data[:n], data[n:], nil
}

// readPart reads a file of an export. One that is missing is no evidence of anything.
func readPart(root, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(root, name))
	return data, unreadable(err)
}

// export is a static copy of the log.
type export struct {
	root  string
	size  uint64
	items [][]byte   // the leaves
	extra [][][]byte // what travels beside each leaf
}

// each reads one kind of bundle tile by tile; `one` takes an item off the front.
func (e *export) each(kind string, one func([]byte) ([]byte, error)) error {
	for first := uint64(0); first < e.size; first += tileWidth {
		width := min(tileWidth, e.size-first)
		name := tilePath(kind, first/tileWidth, width)
		data, err := readPart(e.root, name)
		if err != nil {
			return err
		}
		for range width {
			if data, err = one(data); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if len(data) != 0 {
			return fmt.Errorf("%s: bytes after the last item", name)
		}
	}
	return nil
}

func (e *export) load() error {
	err := e.each("entries", func(data []byte) ([]byte, error) {
		leaf, rest, err := takeItem(data)
		e.items = append(e.items, leaf)
		return rest, err
	})
	if err != nil {
		return err
	}
	return e.each("records", func(data []byte) ([]byte, error) {
		count, data, err := take16(data)
		if err != nil {
			return nil, err
		}
		var items [][]byte
		for range count {
			var item []byte
			if item, data, err = takeItem(data); err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		e.extra = append(e.extra, items)
		return data, nil
	})
}

// checkTiles recomputes every hash tile from the leaves, level by level.
func (e *export) checkTiles() error {
	var level [][]byte
	for _, leaf := range e.items {
		level = append(level, leafHash(leaf))
	}
	for number := 0; len(level) > 0; number++ {
		var above [][]byte
		for first := 0; first < len(level); first += tileWidth {
			row := level[first:min(first+tileWidth, len(level))]
			name := tilePath(strconv.Itoa(number), uint64(first/tileWidth), uint64(len(row)))
			data, err := readPart(e.root, name)
			if err != nil {
				return err
			}
			if !bytes.Equal(data, bytes.Join(row, nil)) {
				return fmt.Errorf("%s: not the hashes of the leaves", name)
			}
			if len(row) == tileWidth {
				above = append(above, treeRoot(row))
			}
		}
		level = above
	}
	return nil
}

// Report is what an audit has checked.
type Report struct {
	Leaves, Blocks, Entries, Records int
	Proven                           *Proven
	StateRoot                        []byte
}

// audit checks an export from end to end. Without a policy of the reader's own, the export's is used,
// and then only the export's agreement with itself is shown.
func audit(root string, policyText []byte) (*Report, error) {
	checkpoint, err := readPart(root, "checkpoint")
	if err != nil {
		return nil, err
	}
	genesisLeaf, err := readPart(root, "genesis")
	if err != nil {
		return nil, err
	}
	ownPolicy, err := readPart(root, "policy")
	if err != nil {
		return nil, err
	}
	genesis, err := decodeGenesis(genesisLeaf)
	if err != nil {
		return nil, err
	}
	published, err := parsePolicy(ownPolicy)
	if err != nil {
		return nil, err
	}
	if err = genesis.checkPolicy(published); err != nil {
		return nil, err
	}
	trusted := published
	if policyText != nil {
		if trusted, err = parsePolicy(policyText); err != nil {
			return nil, unreadable(err)
		}
	}
	proven, err := trusted.check(checkpoint)
	if err != nil {
		return nil, err
	}
	if proven.Origin != genesis.Origin {
		return nil, errors.New("the checkpoint is of another log than the genesis")
	}
	e := &export{root: root, size: proven.Size}
	if err := e.load(); err != nil {
		return nil, err
	}
	if err := e.checkTiles(); err != nil {
		return nil, err
	}
	report := &Report{Leaves: len(e.items), Proven: proven}
	tree, err := replay(e, genesis, genesisLeaf, report)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(tree.root(), proven.Root) {
		return nil, errors.New("the leaves do not make the checkpoint's root")
	}
	return report, nil
}

// replay runs the rules over every block.
func replay(e *export, genesis *Genesis, genesisLeaf []byte, report *Report) (*frontier, error) {
	tree := &frontier{}
	if len(e.items) == 0 || !bytes.Equal(e.items[0], genesisLeaf) || len(e.extra[0]) != 0 {
		return nil, errors.New("leaf 0 is not the genesis")
	}
	state := genesis.state
	parent := &Header{Parent: make([]byte, 32), Height: -1, EngineHeight: -1, Time: -1}
	parentHash := make([]byte, 32)
	first := 0
	for i := range e.items {
		// Only the tag is looked at here; whoever uses the leaf decodes it in full.
		if !isHeaderLeaf(e.items[i]) {
			continue
		}
		header, err := decodeHeader(e.items[i])
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %w", i, err)
		}
		if err := checkChain(genesis, header, parent, parentHash, first, i); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", i, err)
		}
		if err := checkProposer(genesis, header, e.extra[i]); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", i, err)
		}
		for j := first; j < i; j++ {
			tree.add(leafHash(e.items[j]))
			if j == 0 {
				continue
			}
			b := block{header.Time, genesis.Parameters, genesis.ChainID}
			if err := state.applyEntry(b, int64(j), e.items[j], e.extra[j]); err != nil {
				return nil, fmt.Errorf("leaf %d, in the block of height %d: %w", j, header.Height, err)
			}
			report.Entries++
			report.Records += len(e.extra[j])
		}
		if !bytes.Equal(tree.root(), header.LogRoot) {
			return nil, fmt.Errorf("leaf %d: log_root is not that of the leaves before", i)
		}
		if !bytes.Equal(state.root(), header.StateRoot) {
			return nil, fmt.Errorf("leaf %d: state_root is not that of the rules at height %d", i, header.Height)
		}
		tree.add(leafHash(e.items[i]))
		parent, parentHash, first = header, leafHash(e.items[i]), i+1
		report.Blocks++
	}
	if first != len(e.items) {
		return nil, errors.New("the last leaf is not a header")
	}
	report.StateRoot = parent.StateRoot
	return tree, nil
}

func isHeaderLeaf(leaf []byte) bool { return len(leaf) > 1 && leaf[0] == 0x92 && leaf[1] == tagHeader }

func checkChain(genesis *Genesis, header, parent *Header, parentHash []byte, first, index int) error {
	var wrong []string
	rule := func(name string, holds bool) {
		if !holds {
			wrong = append(wrong, name)
		}
	}
	rule("chain_id", bytes.Equal(header.ChainID, genesis.ChainID))
	rule("height", header.Height == parent.Height+1)
	rule("parent", bytes.Equal(header.Parent, parentHash))
	rule("first_index", header.FirstIndex == int64(first))
	rule("entry_count", header.Index() == int64(index))
	if header.Height == 0 {
		rule("engine_height", header.EngineHeight == 0)
		rule("time_ms", header.Time == genesis.Time)
	} else {
		rule("engine_height", header.EngineHeight > parent.EngineHeight)
		rule("time_ms", header.Time > parent.Time)
	}
	if wrong != nil {
		return fmt.Errorf("the header is wrong in %s", strings.Join(wrong, ", "))
	}
	return nil
}

func checkProposer(genesis *Genesis, header *Header, beside [][]byte) error {
	if header.Height == 0 {
		if len(beside) != 0 || !bytes.Equal(header.Proposer, make([]byte, 32)) {
			return errors.New("the first header is signed")
		}
		return nil
	}
	if len(beside) != 1 {
		return errors.New("the header does not have one signature")
	}
	for _, v := range genesis.Validators {
		if bytes.Equal(v.Header, header.Proposer) {
			return checkSignature(header.Proposer, inContext(contextHeader, header.raw), beside[0])
		}
	}
	return errors.New("the proposer is no validator")
}
