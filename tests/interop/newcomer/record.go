package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

var roleNames = []string{"administrator", "auditor", "device", "inspector", "issuer", "office", "producer", "validator"}

// field is one row of a type's field table.
type field struct {
	kind     string
	required bool
}

// recordType is what the specification says of one type before the state is asked.
type recordType struct {
	roles  []string
	fields map[string]field
}

const (
	kindWord       = "word"
	kindLabel      = "number"
	kindHash       = "bytes 32"
	kindSignature  = "bytes 64"
	kindLine60     = "line 60"
	kindLine200    = "line 200"
	kindLine1000   = "line 1000"
	kindDate       = "date"
	kindMedia      = "media type"
	kindNatural    = "natural"
	kindRoles      = "roles"
	allWordLetters = "-.0123456789_abcdefghijklmnopqrstuvwxyz"
	allNumbers     = "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)

var recordTypes = map[string]recordType{
	"doc.anchor/1": {[]string{"issuer", "office"}, map[string]field{
		"abstract": {kindLine1000, false}, "authority": {kindWord, true}, "commitment": {kindHash, false},
		"date": {kindDate, false}, "hash": {kindHash, false}, "media_type": {kindMedia, false},
		"number": {kindLabel, false}, "size": {kindNatural, false}, "symbol": {kindLine60, false},
	}},
	"key.register/1": {[]string{"administrator"}, map[string]field{
		"authority": {kindWord, true}, "key": {kindHash, true}, "member": {kindWord, true},
		"possession": {kindSignature, true}, "roles": {kindRoles, true},
	}},
	"key.retire/1": {[]string{"administrator"}, map[string]field{
		"authority": {kindWord, true}, "key": {kindHash, true}, "member": {kindWord, true},
	}},
	"key.revoke/1": {[]string{"administrator"}, map[string]field{
		"authority": {kindWord, true}, "from_ms": {kindNatural, true}, "key": {kindHash, true}, "member": {kindWord, true},
	}},
	"member.register/1": {[]string{"administrator"}, map[string]field{
		"authority": {kindWord, true}, "member": {kindWord, true}, "name": {kindLine200, true}, "roles": {kindRoles, true},
	}},
	"member.roles/1": {[]string{"administrator"}, map[string]field{
		"authority": {kindWord, true}, "member": {kindWord, true}, "roles": {kindRoles, true},
	}},
}

// mediaType has the letters of RFC 6838's restricted names, in lower case.
var mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)

var dateForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

func kindHolds(kind string, value any) bool {
	switch kind {
	case kindHash:
		raw, ok := value.([]byte)
		return ok && len(raw) == 32
	case kindSignature:
		raw, ok := value.([]byte)
		return ok && len(raw) == 64
	case kindNatural:
		n, ok := value.(int64)
		return ok && n >= 0
	case kindRoles:
		items, ok := value.([]any)
		_, err := parseRoles(items)
		return ok && err == nil
	}
	s, ok := value.(string)
	if !ok {
		return false
	}
	switch kind {
	case kindWord:
		return isOf(s, 64, allWordLetters)
	case kindLabel:
		return isOf(s, 20, allNumbers)
	case kindLine60:
		return isLine(s, 60)
	case kindLine200:
		return isLine(s, 200)
	case kindLine1000:
		return isLine(s, 1000)
	case kindMedia:
		return len(s) >= 3 && len(s) <= 127 && mediaType.MatchString(s)
	case kindDate:
		_, err := time.Parse("2006-01-02", s)
		return err == nil && dateForm.MatchString(s) && s >= "1900-01-01"
	}
	panic("no such kind of field: " + kind)
}

func isOf(s string, most int, letters string) bool {
	return len(s) >= 1 && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(letters, r)
	})
}

// isLine is text without U+0000–U+001F, U+007F–U+009F (Unicode's controls), U+2028–U+202E and U+2066–U+2069.
func isLine(s string, most int) bool {
	return len(s) >= 1 && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || 0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
	})
}

// parseRoles reads a list of roles: known, ascending, each once, at least one.
func parseRoles(items []any) ([]string, error) {
	var out []string
	for _, item := range items {
		role, ok := item.(string)
		if !ok || !slices.Contains(roleNames, role) || (len(out) > 0 && role <= out[len(out)-1]) {
			return nil, errors.New("not a list of roles")
		}
		out = append(out, role)
	}
	if len(out) == 0 {
		return nil, errors.New("no roles")
	}
	return out, nil
}

// Record is one statement, checked against its field table.
type Record struct {
	raw  []byte
	Type string
	Body Map
}

func checkRecordSize(raw []byte) error {
	// A record of 64 bytes could pass for the two hashes under an inner node.
	if len(raw) < 1 || len(raw) > 65535 || len(raw) == 64 {
		return fmt.Errorf("record: it has %d bytes", len(raw))
	}
	return nil
}

// decodeRecord reads the form of a record; check tells whether it says what its type may say.
func decodeRecord(raw []byte) (*Record, error) {
	if err := checkRecordSize(raw); err != nil {
		return nil, err
	}
	value, err := Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	f := arrayOf("record", value, 2)
	record := &Record{raw: raw, Type: f.text(0)}
	body, ok := f.items[1].(Map)
	if !ok || len(record.Type) < 1 || len(record.Type) > 32 {
		f.fail("not a type and a body")
	}
	record.Body = body
	if _, ok := recordTypes[record.Type]; !ok && f.err == nil {
		f.fail("the type %q is not known here", record.Type)
	}
	return record, f.err
}

func (r *Record) check() error {
	table := recordTypes[r.Type]
	for name, value := range r.Body {
		if row, ok := table.fields[name]; !ok || !kindHolds(row.kind, value) {
			return fmt.Errorf("%s: the field %q is not as its table says", r.Type, name)
		}
	}
	for name, row := range table.fields {
		if _, ok := r.Body[name]; row.required && !ok {
			return fmt.Errorf("%s: the field %q is missing", r.Type, name)
		}
	}
	if r.Type == "doc.anchor/1" {
		return r.checkAnchor()
	}
	return nil
}

func (r *Record) checkAnchor() error {
	_, hashed := r.Body["hash"]
	_, committed := r.Body["commitment"]
	_, media := r.Body["media_type"]
	_, size := r.Body["size"]
	switch {
	case hashed == committed:
		return errors.New("doc.anchor/1: not exactly one of hash and commitment")
	case hashed && !(media && size):
		return errors.New("doc.anchor/1: a hash without media type and size")
	case committed && len(r.Body) != 2:
		return errors.New("doc.anchor/1: more than an authority beside a commitment")
	}
	return nil
}

func (r *Record) ID() []byte              { return leafHash(r.raw) }
func (r *Record) text(name string) string { return r.Body[name].(string) }
func (r *Record) bytes(name string) []byte {
	raw, _ := r.Body[name].([]byte)
	return raw
}

// document is what a record of a document knows it by.
func (r *Record) document() []byte {
	if id := r.bytes("hash"); id != nil {
		return id
	}
	return r.bytes("commitment")
}

// subject is the key, in the state, of what the record is about.
func (r *Record) subject() []any {
	switch {
	case r.Type == "doc.anchor/1":
		return []any{"subject", "document", r.text("authority"), r.document()}
	case strings.HasPrefix(r.Type, "member."):
		return []any{"subject", "member", r.text("member"), r.text("member")}
	}
	return []any{"subject", "key", r.text("member"), r.bytes("key")}
}
