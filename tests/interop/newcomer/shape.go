package main

import "fmt"

// fields reads an array of fixed order. The first thing wrong is kept, so that callers read all items and ask once.
type fields struct {
	what  string
	items []any
	err   error
}

// arrayOf takes a decoded value as an array of exactly n items.
func arrayOf(what string, value any, n int) *fields {
	f := &fields{what: what}
	items, ok := value.([]any)
	if !ok || len(items) != n {
		f.items = make([]any, n)
		f.fail("not an array of %d", n)
		return f
	}
	f.items = items
	return f
}

// openArray takes a value as an array of n whose first item is a version or tag.
func openArray(what, name string, value any, tag int64, n int) *fields {
	if items, ok := value.([]any); ok && len(items) > 0 && items[0] != any(tag) {
		// Another version may have another length: this is the better reason of the two.
		return &fields{what, make([]any, n), fmt.Errorf("%s: %s %v is not known here", what, name, items[0])}
	}
	return arrayOf(what, value, n)
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s", f.what, fmt.Sprintf(format, args...))
	}
}

// join keeps an error of a part.
func (f *fields) join(err error) {
	if f.err == nil {
		f.err = err
	}
}

// bytes reads a byte string; n below zero means any length.
func (f *fields) bytes(i, n int) []byte {
	raw, ok := f.items[i].([]byte)
	if !ok || (n >= 0 && len(raw) != n) {
		f.fail("item %d is not %d bytes", i, n)
		return make([]byte, max(n, 0))
	}
	return raw
}

func (f *fields) text(i int) string {
	s, ok := f.items[i].(string)
	if !ok {
		f.fail("item %d is not text", i)
	}
	return s
}

func (f *fields) natural(i int) int64 {
	n, ok := f.items[i].(int64)
	if !ok || n < 0 {
		f.fail("item %d is not a number from 0", i)
	}
	return n
}

// maybe reads a number or nil.
func (f *fields) maybe(i int) *int64 {
	if f.items[i] == nil {
		return nil
	}
	n := f.natural(i)
	return &n
}

func (f *fields) list(i int) []any {
	items, ok := f.items[i].([]any)
	if !ok {
		f.fail("item %d is not a list", i)
	}
	return items
}

// hashes reads a list of 32-byte strings.
func (f *fields) hashes(i int) [][]byte {
	var out [][]byte
	for _, item := range f.list(i) {
		raw, ok := item.([]byte)
		if !ok || len(raw) != 32 {
			f.fail("item %d is not a list of hashes", i)
			return nil
		}
		out = append(out, raw)
	}
	return out
}
