package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

const (
	maxDocument = 60_000
	policyGroup = "validators"
)

// Genesis is the first leaf: what everything after it starts from.
type Genesis struct {
	ChainID    []byte
	Origin     string
	Time       int64
	Validators []validator
	Parameters map[string]int64
	state      *State
}

type validator struct {
	Name                         string
	Engine, Header, Log, Cosigns []byte
}

func decodeGenesis(leaf []byte) (*Genesis, error) {
	value, err := Decode(leaf)
	if err != nil {
		return nil, fmt.Errorf("genesis leaf: %w", err)
	}
	outer := openArray("genesis leaf", "tag", value, tagGenesis, 2)
	if outer.err != nil {
		return nil, outer.err
	}
	f := openArray("genesis document", "version", outer.items[1], 1, 9)
	document := Encode(outer.items[1])
	if len(document) > maxDocument {
		f.fail("it has %d bytes", len(document))
	}
	g := &Genesis{ChainID: hash(document), Origin: f.text(1), Time: f.natural(4), Parameters: map[string]int64{}, state: newState()}
	f.bytes(2, 16)
	if !isKeyName(g.Origin) || len(g.Origin) > 200 {
		f.fail("the origin cannot name a log")
	}
	if f.natural(3) != 1 && f.err == nil {
		return nil, errors.New("genesis: unknown rules_version")
	}
	if f.err != nil {
		return nil, f.err
	}
	used := &keySet{}
	for _, step := range []func(*fields, *keySet) error{g.readMembers, g.readKeys, g.readValidators, g.readParameters} {
		if err := step(f, used); err != nil {
			return nil, fmt.Errorf("genesis: %w", err)
		}
	}
	return g, nil
}

// keySet notices a key that is used twice.
type keySet struct{ seen [][]byte }

func (k *keySet) add(key []byte) error {
	if slices.ContainsFunc(k.seen, func(other []byte) bool { return bytes.Equal(key, other) }) {
		return errors.New("a key is given twice")
	}
	k.seen = append(k.seen, key)
	return nil
}

func (g *Genesis) readMembers(f *fields, _ *keySet) error {
	last := ""
	for _, item := range f.list(5) {
		row := arrayOf("member", item, 3)
		id, name := row.text(0), row.text(1)
		roles, err := parseRoles(row.list(2))
		if row.err != nil || err != nil {
			return errors.Join(row.err, err)
		}
		if !kindHolds(kindWord, id) || !kindHolds(kindLine200, name) || id <= last {
			return errors.New("members are malformed or out of order")
		}
		last = id
		g.state.setMember(id, &memberRow{Name: name, Roles: roles, Registered: g.Time})
	}
	return f.err
}

func (g *Genesis) readKeys(f *fields, used *keySet) error {
	var last []byte
	for _, item := range f.list(6) {
		row := arrayOf("key", item, 3)
		key, member := row.bytes(0, 32), row.text(1)
		roles, err := parseRoles(row.list(2))
		if row.err != nil || err != nil {
			return errors.Join(row.err, err)
		}
		if _, err := g.state.member(member); err != nil {
			return err
		}
		// A role beyond the member's own does no harm here: the rules ask that both have it.
		if bytes.Compare(key, last) <= 0 || !hasPrimeOrder(key) {
			return errors.New("keys are out of order, or a key is not fit for registration")
		}
		last = key
		if err := used.add(key); err != nil {
			return err
		}
		g.state.set([]any{"key", key}, (&keyRow{Member: member, Roles: roles, Registered: g.Time}).value())
	}
	return f.err
}

func (g *Genesis) readValidators(f *fields, used *keySet) error {
	last := ""
	for _, item := range f.list(7) {
		row := arrayOf("validator", item, 5)
		v := validator{row.text(0), row.bytes(1, 32), row.bytes(2, 32), row.bytes(3, 32), row.bytes(4, 32)}
		if row.err != nil {
			return row.err
		}
		// The name becomes that of a witness in the policy, where two words are taken.
		if !isKeyName(v.Name) || v.Name == noQuorum || v.Name == policyGroup || v.Name <= last {
			return errors.New("validators are malformed or out of order")
		}
		last = v.Name
		for _, key := range [][]byte{v.Engine, v.Header, v.Log, v.Cosigns} {
			if err := used.add(key); err != nil {
				return err
			}
			if !hasPrimeOrder(key) {
				return errors.New("a key of a validator is not fit for registration")
			}
		}
		g.Validators = append(g.Validators, v)
	}
	if len(g.Validators) == 0 {
		return errors.New("no validators")
	}
	g.state.set([]any{"validators"}, f.items[7])
	return f.err
}

func (g *Genesis) readParameters(f *fields, _ *keySet) error {
	last := ""
	for _, item := range f.list(8) {
		row := arrayOf("parameter", item, 2)
		name, number := row.text(0), row.natural(1)
		if row.err != nil || name <= last {
			return errors.Join(row.err, errors.New("parameters are malformed or out of order"))
		}
		last = name
		g.Parameters[name] = number
	}
	for _, name := range []string{"entry-time-ahead-ms", "key-grace-ms"} {
		if _, ok := g.Parameters[name]; !ok || len(g.Parameters) != 2 {
			return errors.New("parameters are not the two that are known")
		}
	}
	g.state.set([]any{"parameters"}, f.items[8])
	return f.err
}

// checkPolicy holds the published policy against the genesis: it must name these validators' keys, and the rules' quorum.
func (g *Genesis) checkPolicy(p *Policy) error {
	n := len(g.Validators)
	quorum := p.Groups[p.Quorum]
	if len(p.Logs) != n || len(p.Witnesses) != n || len(p.Groups) != 1 || len(quorum.Members) != n {
		return errors.New("the policy does not have one log key and one witness for each validator of the genesis, in one group")
	}
	for _, v := range g.Validators {
		isLog := func(k noteKey) bool { return k.Name == g.Origin && bytes.Equal(k.Key, v.Log) }
		witness := p.Witnesses[v.Name]
		if !slices.ContainsFunc(p.Logs, isLog) || witness.Name != v.Name || !bytes.Equal(witness.Key, v.Cosigns) {
			return fmt.Errorf("the policy's keys are not those of validator %s in the genesis", v.Name)
		}
		if !slices.Contains(quorum.Members, v.Name) {
			return fmt.Errorf("validator %s is not in the policy's quorum", v.Name)
		}
	}
	if due := 2*n/3 + 1; quorum.Threshold != due {
		return fmt.Errorf("the policy's quorum is %d, the rules' is %d", quorum.Threshold, due)
	}
	return nil
}

func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}
