package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"unicode/utf8"
)

// Values of the canonical encoding are held as nil, bool, int64, string, []byte, []any and Map.

// Map is a map of the encoding. Order is not kept: the canonical order is the only one there is.
type Map map[string]any

const (
	maxInteger = 1<<53 - 1
	maxDepth   = 16
)

// Encode gives the one encoding of a value. It panics on a value outside the model, which only this program can build.
func Encode(value any) []byte { return appendValue(nil, value) }

func appendValue(out []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(out, 0xc0)
	case bool:
		if v {
			return append(out, 0xc3)
		}
		return append(out, 0xc2)
	case int:
		return appendInteger(out, int64(v))
	case int64:
		return appendInteger(out, v)
	case string:
		if n := len(v); n < 32 {
			out = append(out, 0xa0|byte(n))
		} else {
			out = appendLength(out, n, 0xd9, 0xda, 0xdb)
		}
		return append(out, v...)
	case []byte:
		return append(appendLength(out, len(v), 0xc4, 0xc5, 0xc6), v...)
	case []any:
		if n := len(v); n < 16 {
			out = append(out, 0x90|byte(n))
		} else {
			out = appendLength(out, n, 0, 0xdc, 0xdd)
		}
		for _, item := range v {
			out = appendValue(out, item)
		}
		return out
	case Map:
		if n := len(v); n < 16 {
			out = append(out, 0x80|byte(n))
		} else {
			out = appendLength(out, n, 0, 0xde, 0xdf)
		}
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			out = appendValue(appendValue(out, key), v[key])
		}
		return out
	}
	panic(fmt.Sprintf("no canonical encoding for %T", value))
}

// appendLength writes the shortest of three forms; a form of zero does not exist for that type.
func appendLength(out []byte, n int, form8, form16, form32 byte) []byte {
	switch {
	case form8 != 0 && n < 1<<8:
		return append(out, form8, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(out, form16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(out, form32), uint32(n))
}

func appendInteger(out []byte, n int64) []byte {
	switch {
	case n > maxInteger || n < -maxInteger:
		panic("integer beyond the model")
	case n >= 0 && n < 1<<7:
		return append(out, byte(n))
	case n >= 0 && n < 1<<8:
		return append(out, 0xcc, byte(n))
	case n >= 0 && n < 1<<16:
		return binary.BigEndian.AppendUint16(append(out, 0xcd), uint16(n))
	case n >= 0 && n < 1<<32:
		return binary.BigEndian.AppendUint32(append(out, 0xce), uint32(n))
	case n >= 0:
		return binary.BigEndian.AppendUint64(append(out, 0xcf), uint64(n))
	case n >= -32:
		return append(out, byte(n))
	case n >= -1<<7:
		return append(out, 0xd0, byte(n))
	case n >= -1<<15:
		return binary.BigEndian.AppendUint16(append(out, 0xd1), uint16(n))
	case n >= -1<<31:
		return binary.BigEndian.AppendUint32(append(out, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(out, 0xd3), uint64(n))
}

// Decode reads exactly one value and refuses whatever is not its canonical encoding.
func Decode(data []byte) (any, error) {
	d := decoder{rest: data}
	value, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if len(d.rest) != 0 {
		return nil, fmt.Errorf("%d bytes after the value", len(d.rest))
	}
	return value, nil
}

type decoder struct{ rest []byte }

var (
	errShort   = errors.New("the value is cut off")
	errLonger  = errors.New("a longer form than the shortest")
	errTooDeep = errors.New("nested too deep")
)

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	head := d.rest[:n]
	d.rest = d.rest[n:]
	return head, nil
}

// number reads `width` bytes, big-endian.
func (d *decoder) number(width uint64) (uint64, error) {
	raw, err := d.take(width)
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return n, nil
}

// length reads a length that must not have fitted the next shorter form.
func (d *decoder) length(width, least uint64) (uint64, error) {
	n, err := d.number(width)
	if err == nil && n < least {
		err = errLonger
	}
	return n, err
}

func (d *decoder) value(depth int) (any, error) {
	first, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch b := first[0]; {
	case b < 0x80:
		return int64(b), nil
	case b < 0x90:
		return d.mapping(uint64(b&0x0f), depth+1)
	case b < 0xa0:
		return d.array(uint64(b&0x0f), depth+1)
	case b < 0xc0:
		return d.text(uint64(b&0x1f), nil)
	case b == 0xc0:
		return nil, nil
	case b == 0xc2, b == 0xc3:
		return b == 0xc3, nil
	case b == 0xc4:
		return d.bytes(d.length(1, 0))
	case b == 0xc5:
		return d.bytes(d.length(2, 1<<8))
	case b == 0xc6:
		return d.bytes(d.length(4, 1<<16))
	case b >= 0xcc && b <= 0xcf:
		least := []uint64{1 << 7, 1 << 8, 1 << 16, 1 << 32}[b-0xcc]
		n, err := d.length(1<<(b-0xcc), least)
		if err == nil && n > maxInteger {
			err = errors.New("integer beyond 2^53 - 1")
		}
		return int64(n), err
	case b >= 0xd0 && b <= 0xd3:
		return d.negative(b)
	case b == 0xd9:
		return d.text(d.length(1, 1<<5))
	case b == 0xda:
		return d.text(d.length(2, 1<<8))
	case b == 0xdb:
		return d.text(d.length(4, 1<<16))
	case b == 0xdc, b == 0xdd:
		n, err := d.long(b == 0xdd)
		if err != nil {
			return nil, err
		}
		return d.array(n, depth+1)
	case b == 0xde, b == 0xdf:
		n, err := d.long(b == 0xdf)
		if err != nil {
			return nil, err
		}
		return d.mapping(n, depth+1)
	case b >= 0xe0:
		return int64(int8(b)), nil
	default:
		return nil, fmt.Errorf("byte %02x starts no value of this encoding", b)
	}
}

func (d *decoder) long(wide bool) (uint64, error) {
	if wide {
		return d.length(4, 1<<16)
	}
	return d.length(2, 16)
}

func (d *decoder) negative(form byte) (any, error) {
	width := uint64(1) << (form - 0xd0)
	raw, err := d.number(width)
	if err != nil {
		return nil, err
	}
	shift := 64 - 8*width
	n := int64(raw<<shift) >> shift
	// The shorter form reaches down to this number; what it reaches must use it.
	reach := []int64{-32, -1 << 7, -1 << 15, -1 << 31}[form-0xd0]
	if n >= reach {
		return nil, errLonger
	}
	if n < -maxInteger {
		return nil, errors.New("integer below -(2^53 - 1)")
	}
	return n, nil
}

func (d *decoder) text(n uint64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	raw, err := d.take(n)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("text is not UTF-8")
	}
	return string(raw), nil
}

func (d *decoder) bytes(n uint64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	raw, err := d.take(n)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, raw...), nil
}

func (d *decoder) array(n uint64, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	// Every item takes a byte at least, so a count beyond the rest is a lie: refuse it before making room.
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	items := make([]any, 0, n)
	for range n {
		item, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (d *decoder) mapping(n uint64, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if 2*n > uint64(len(d.rest)) {
		return nil, errShort
	}
	out := make(Map, n)
	last := ""
	for i := range n {
		item, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		key, ok := item.(string)
		if !ok {
			return nil, errors.New("a key is not text")
		}
		if i > 0 && key <= last {
			return nil, errors.New("keys out of order or repeated")
		}
		last = key
		if out[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}
