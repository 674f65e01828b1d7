package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNoteSignatures bounds the work on a hostile note; the format asks for at least 16.
const maxNoteSignatures = 64

// Note is a C2SP signed note, with nothing verified yet.
type Note struct {
	Text       string
	Signatures []NoteSignature
}

// NoteSignature is one line; name and id together say which key it claims.
type NoteSignature struct {
	Name string
	ID   [4]byte
	Raw  []byte
}

// decodeBase64 takes the one encoding of some bytes: no line breaks, no loose bits in the last letter.
func decodeBase64(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != s {
		return nil, errors.New("not well-formed base64")
	}
	return raw, nil
}

func parseNote(data []byte) (*Note, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the note is not UTF-8")
	}
	for _, b := range data {
		if b < 0x20 && b != '\n' {
			return nil, errors.New("the note has control characters")
		}
	}
	// The text may have empty lines of its own: the last one is the border.
	border := bytes.LastIndex(data, []byte("\n\n"))
	if border < 0 || !bytes.HasSuffix(data, []byte("\n")) {
		return nil, errors.New("the note has no signatures")
	}
	note := &Note{Text: string(data[:border+1])}
	lines := strings.Split(string(data[border+2:]), "\n")
	lines = lines[:len(lines)-1]
	if len(lines) == 0 || len(lines) > maxNoteSignatures {
		return nil, fmt.Errorf("the note has %d signatures", len(lines))
	}
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, "— ")
		name, encoded, found := strings.Cut(rest, " ")
		if !ok || !found || !isKeyName(name) {
			return nil, errors.New("a signature line is malformed")
		}
		raw, err := decodeBase64(encoded)
		if err != nil || len(raw) < 5 {
			return nil, errors.New("a signature line is malformed")
		}
		note.Signatures = append(note.Signatures, NoteSignature{name, [4]byte(raw[:4]), raw[4:]})
	}
	return note, nil
}

func isKeyName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsRune(name, '+') && !strings.ContainsFunc(name, unicode.IsSpace)
}

// Checkpoint is the text of a log's note.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   []byte
}

// parseCheckpoint reads origin, size and root. Extension lines are signed along and mean nothing here.
func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || slices.Contains(lines, "") {
		return nil, errors.New("the checkpoint is not origin, size and root")
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return nil, fmt.Errorf("the checkpoint's size: %w", err)
	}
	root, err := decodeBase64(lines[2])
	if err != nil || len(root) != 32 {
		return nil, errors.New("the checkpoint's root is not 32 bytes of base64")
	}
	return &Checkpoint{lines[0], size, root}, nil
}

func parseSignedCheckpoint(data []byte) (*Note, *Checkpoint, error) {
	note, err := parseNote(data)
	if err != nil {
		return nil, nil, err
	}
	checkpoint, err := parseCheckpoint(note.Text)
	return note, checkpoint, err
}

// parseDecimal reads a number of a log: digits only, no leading zero, below 2^63.
func parseDecimal(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, errors.New("not a plain decimal number")
	}
	return n, nil
}
