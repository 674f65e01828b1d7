package main

import "fmt"

const (
	maxLeaf       = 65535
	maxRecords    = 4096
	maxSubmission = 700_000
)

// Leaves of the log begin with a tag.
const (
	tagEntry   = 0
	tagHeader  = 1
	tagGenesis = 2
)

// Entry is one author's signature over records.
type Entry struct {
	body      []byte
	ChainID   []byte
	Author    []byte
	Time      int64
	Count     int64
	Root      []byte
	Signature []byte
}

func decodeEntry(leaf []byte) (*Entry, error) {
	value, err := Decode(leaf)
	if err != nil {
		return nil, fmt.Errorf("entry leaf: %w", err)
	}
	outer := openArray("entry leaf", "tag", value, tagEntry, 3)
	if outer.err != nil {
		return nil, outer.err
	}
	entry, err := readBody(outer.items[1])
	if err != nil {
		return nil, err
	}
	entry.Signature = outer.bytes(2, 64)
	return entry, outer.err
}

// decodeBody reads the body of an entry by itself.
func decodeBody(raw []byte) (*Entry, error) {
	value, err := Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("entry body: %w", err)
	}
	return readBody(value)
}

func readBody(value any) (*Entry, error) {
	body := openArray("entry body", "version", value, 1, 7)
	entry := &Entry{
		ChainID: body.bytes(1, 32),
		Author:  body.bytes(2, 32),
		Time:    body.natural(4),
		Count:   body.natural(5),
		Root:    body.bytes(6, 32),
	}
	body.bytes(3, 16)
	if entry.Count < 1 || entry.Count > maxRecords {
		body.fail("it has %d records", entry.Count)
	}
	if body.err != nil {
		return nil, body.err
	}
	entry.body = Encode(value)
	return entry, nil
}

// ID is over the body, so that two signatures over one body are one entry.
func (e *Entry) ID() []byte { return hash(inContext(contextEntry, e.body)) }

func (e *Entry) checkAuthor() error {
	if err := checkSignature(e.Author, inContext(contextEntry, e.body), e.Signature); err != nil {
		return fmt.Errorf("the author's signature: %w", err)
	}
	return nil
}

// Header closes a block.
type Header struct {
	raw          []byte
	ChainID      []byte
	Height       int64
	EngineHeight int64
	Parent       []byte
	Time         int64
	FirstIndex   int64
	EntryCount   int64
	LogRoot      []byte
	StateRoot    []byte
	Proposer     []byte
}

func decodeHeader(leaf []byte) (*Header, error) {
	value, err := Decode(leaf)
	if err != nil {
		return nil, fmt.Errorf("header leaf: %w", err)
	}
	outer := openArray("header leaf", "tag", value, tagHeader, 2)
	if outer.err != nil {
		return nil, outer.err
	}
	f := openArray("header", "rules_version", outer.items[1], 1, 11)
	header := &Header{
		ChainID:      f.bytes(1, 32),
		Height:       f.natural(2),
		EngineHeight: f.natural(3),
		Parent:       f.bytes(4, 32),
		Time:         f.natural(5),
		FirstIndex:   f.natural(6),
		EntryCount:   f.natural(7),
		LogRoot:      f.bytes(8, 32),
		StateRoot:    f.bytes(9, 32),
		Proposer:     f.bytes(10, 32),
	}
	if header.EntryCount < 1 {
		f.fail("it closes no entry")
	}
	if f.err != nil {
		return nil, f.err
	}
	header.raw = Encode(outer.items[1])
	return header, nil
}

// Index is the header's own place in the log.
func (h *Header) Index() int64 { return h.FirstIndex + h.EntryCount }
