package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

const maxLevels = 256

// emptySubtree stands for a part of the state without rows.
var emptySubtree = make([]byte, 32)

func bitOf(path []byte, level int) byte { return path[level/8] >> (7 - level%8) & 1 }

func stateLeaf(keyHash, valueHash []byte) []byte { return hash([]byte{0}, keyHash, valueHash) }

// node is a subtree with rows. A subtree with one row is that row's leaf at any height, so leaves carry their path.
type node struct {
	hash        []byte
	path        []byte
	left, right *node
}

func (n *node) sum() []byte {
	if n == nil {
		return emptySubtree
	}
	return n.hash
}

// put sets a row below a subtree at the given level; rows are never removed, so nothing ever collapses.
func (n *node) put(level int, leaf *node) *node {
	if n == nil || (n.path != nil && bytes.Equal(n.path, leaf.path)) {
		return leaf
	}
	inner := &node{left: n.left, right: n.right}
	if n.path != nil {
		// Another row sat here alone: it moves down, and both meet where their paths part.
		if bitOf(n.path, level) == 0 {
			inner.left = n
		} else {
			inner.right = n
		}
	}
	if bitOf(leaf.path, level) == 0 {
		inner.left = inner.left.put(level+1, leaf)
	} else {
		inner.right = inner.right.put(level+1, leaf)
	}
	inner.hash = nodeHash(inner.left.sum(), inner.right.sum())
	return inner
}

// State is the rows and the tree over them.
type State struct {
	rows map[string]any
	tree *node
}

func newState() *State { return &State{rows: map[string]any{}} }

func (s *State) get(key []any) (any, bool) {
	value, ok := s.rows[string(Encode(key))]
	return value, ok
}

func (s *State) set(key []any, value any) {
	raw := Encode(key)
	s.rows[string(raw)] = value
	path := hash(raw)
	s.tree = s.tree.put(0, &node{hash: stateLeaf(path, hash(Encode(value))), path: path})
}

func (s *State) root() []byte { return s.tree.sum() }

// stateProof shows a row, or that there is none.
type stateProof struct {
	key      []byte
	value    []byte // nil when absence is shown
	present  []byte
	siblings []byte
	other    []byte // nil when there is no other leaf in the way
}

func parseStateProof(what string, value any) (*stateProof, error) {
	f := arrayOf(what, value, 5)
	proof := &stateProof{key: f.bytes(0, -1), present: f.bytes(2, -1), siblings: f.bytes(3, -1)}
	if f.items[1] != nil {
		proof.value = f.bytes(1, -1)
		if len(proof.value) == 0 {
			f.fail("an empty value")
		}
	}
	if f.items[4] != nil {
		proof.other = f.bytes(4, 64)
		if proof.value != nil {
			f.fail("another leaf beside a value")
		}
	}
	if len(proof.key) == 0 {
		f.fail("an empty key")
	}
	if f.err == nil {
		proof.checkForm(f)
	}
	return proof, f.err
}

// checkForm sees to it that a proof has one encoding: no level below the deepest sibling, and no sibling that is empty.
func (p *stateProof) checkForm(f *fields) {
	n := len(p.present)
	if n > maxLevels/8 || (n > 0 && p.present[n-1] == 0) {
		f.fail("its levels are not in their shortest form")
	}
	set := 0
	for _, b := range p.present {
		set += bits.OnesCount8(b)
	}
	if len(p.siblings) != 32*set {
		f.fail("not one sibling for each level that has one")
		return
	}
	for i := range set {
		if bytes.Equal(p.siblings[32*i:32*i+32], emptySubtree) {
			f.fail("an empty sibling is given as present")
		}
	}
}

// levels is how deep the proof goes: to its deepest sibling.
func (p *stateProof) levels() int {
	n := len(p.present)
	if n == 0 {
		return 0
	}
	return 8*n - bits.TrailingZeros8(p.present[n-1])
}

func (p *stateProof) check(root []byte) error {
	levels, path := p.levels(), hash(p.key)
	sum := emptySubtree
	switch {
	case p.value != nil:
		sum = stateLeaf(path, hash(p.value))
	case p.other != nil:
		if bytes.Equal(p.other[:32], path) {
			return errors.New("the other leaf of a state proof is the key itself")
		}
		for level := range levels {
			if bitOf(p.other, level) != bitOf(path, level) {
				return errors.New("the other leaf of a state proof is elsewhere")
			}
		}
		sum = hash([]byte{0}, p.other)
	}
	rest := p.siblings
	for level := levels - 1; level >= 0; level-- {
		sibling := emptySubtree
		if bitOf(p.present, level) == 1 {
			sibling, rest = rest[len(rest)-32:], rest[:len(rest)-32]
		}
		if bitOf(path, level) == 0 {
			sum = nodeHash(sum, sibling)
		} else {
			sum = nodeHash(sibling, sum)
		}
	}
	if !bytes.Equal(sum, root) {
		return errors.New("a state proof does not lead to the state root")
	}
	return nil
}

// memberRow, keyRow and subjectRow are values of the state.
type memberRow struct {
	Name         string
	Roles        []string
	Registered   int64
	Ended        *int64
	Predecessors []string
	Successors   []string
}

type keyRow struct {
	Member     string
	Roles      []string
	Registered int64
	Until      *int64
	Retired    *int64
	Revoked    *int64
	Disputed   *int64
}

type subjectRow struct {
	Status  string
	Issue   []byte
	Time    int64
	Changed int64
	tree    frontier
}

func texts(f *fields, i int) []string {
	var out []string
	for _, item := range f.list(i) {
		s, ok := item.(string)
		if !ok {
			f.fail("item %d is not a list of text", i)
		}
		out = append(out, s)
	}
	return out
}

func textList(words []string) []any {
	out := []any{}
	for _, word := range words {
		out = append(out, word)
	}
	return out
}

func parseMemberRow(value any) (*memberRow, error) {
	f := arrayOf("member row", value, 6)
	return &memberRow{f.text(0), texts(f, 1), f.natural(2), f.maybe(3), texts(f, 4), texts(f, 5)}, f.err
}

func (r *memberRow) value() []any {
	return []any{r.Name, textList(r.Roles), r.Registered, maybe(r.Ended), textList(r.Predecessors), textList(r.Successors)}
}

// over says whether the member has ended by then.
func (r *memberRow) over(time int64) bool { return r.Ended != nil && *r.Ended <= time }

func maybe(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func parseKeyRow(value any) (*keyRow, error) {
	f := arrayOf("key row", value, 7)
	return &keyRow{f.text(0), texts(f, 1), f.natural(2), f.maybe(3), f.maybe(4), f.maybe(5), f.maybe(6)}, f.err
}

func (r *keyRow) value() []any {
	return []any{r.Member, textList(r.Roles), r.Registered, maybe(r.Until), maybe(r.Retired), maybe(r.Revoked), maybe(r.Disputed)}
}

// disputedBy says whether what the key did, no later than a time, may be disputed.
func (r *keyRow) disputedBy(latest int64) bool { return r.Disputed != nil && *r.Disputed <= latest }

// latest is when a record of the subject came at the latest: the first at its own time, another one with the newest.
func (r *subjectRow) latest(isFirst bool) int64 {
	if isFirst {
		return r.Time
	}
	return r.Changed
}

func parseSubjectRow(value any) (*subjectRow, error) {
	f := arrayOf("subject row", value, 7)
	row := &subjectRow{Status: f.text(0), Issue: f.bytes(1, 32), Time: f.natural(2), Changed: f.natural(3)}
	row.tree = frontier{uint64(f.natural(4)), f.hashes(6)}
	root := f.bytes(5, 32)
	if row.tree.size == 0 || len(row.tree.peaks) != bits.OnesCount64(row.tree.size) {
		f.fail("its peaks are not those of its count")
	} else if !bytes.Equal(root, row.tree.root()) {
		f.fail("its root is not that of its peaks")
	}
	return row, f.err
}

func (r *subjectRow) value() []any {
	var peaks []any
	for _, peak := range r.tree.peaks {
		peaks = append(peaks, peak)
	}
	return []any{r.Status, r.Issue, r.Time, r.Changed, int64(r.tree.size), r.tree.root(), peaks}
}

// setMember sets a member's row, and its place among the administrators.
func (s *State) setMember(id string, row *memberRow) {
	s.set([]any{"member", id}, row.value())
	var names []string
	if value, ok := s.get([]any{"administrators"}); ok {
		names = texts(arrayOf("administrators", []any{value}, 1), 0)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == id })
	if slices.Contains(row.Roles, "administrator") {
		names = append(names, id)
	}
	slices.Sort(names)
	s.set([]any{"administrators"}, textList(names))
}

func (s *State) member(id string) (*memberRow, error) {
	value, ok := s.get([]any{"member", id})
	if !ok {
		return nil, fmt.Errorf("there is no member %q", id)
	}
	return parseMemberRow(value)
}

func (s *State) key(key []byte) (*keyRow, bool) {
	value, ok := s.get([]any{"key", key})
	if !ok {
		return nil, false
	}
	row, err := parseKeyRow(value)
	return row, err == nil
}
