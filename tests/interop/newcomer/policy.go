package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Policy is what a reader trusts: the keys of a log, and which witnesses must have cosigned.
type Policy struct {
	Logs      []noteKey
	Witnesses map[string]noteKey
	Groups    map[string]group
	Quorum    string
	members   []string // names that are already in a group: each may be in one
}

type group struct {
	Threshold int
	Members   []string
}

const noQuorum = "none"

// parsePolicy reads a C2SP tlog-policy.
func parsePolicy(data []byte) (*Policy, error) {
	policy := &Policy{Witnesses: map[string]noteKey{}, Groups: map[string]group{}}
	for _, b := range data {
		if b != '\t' && b != '\n' && (b < 0x20 || b == 0x7f) {
			return nil, errors.New("policy: a control character")
		}
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return nil, errors.New("policy: the last line is cut off")
	}
	readers := map[string]func([]string) error{
		"log": policy.readLog, "witness": policy.readWitness, "group": policy.readGroup, "quorum": policy.readQuorum,
	}
	for _, line := range strings.Split(string(data), "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		read, ok := readers[words[0]]
		if !ok {
			return nil, fmt.Errorf("policy: a line starts with %q", words[0])
		}
		if err := read(words[1:]); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
	}
	if policy.Quorum == "" {
		return nil, errors.New("policy: no quorum line")
	}
	return policy, nil
}

func (p *Policy) readLog(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return errors.New("a malformed log line")
	}
	key, err := parseNoteKey(args[0], typeLog)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.Logs, func(k noteKey) bool { return string(k.Key) == string(key.Key) }) {
		return errors.New("a log is given twice")
	}
	p.Logs = append(p.Logs, key)
	return nil
}

// free says whether a name can still be given: witnesses and groups share one namespace.
func (p *Policy) free(name string) bool {
	_, isWitness := p.Witnesses[name]
	_, isGroup := p.Groups[name]
	return !isWitness && !isGroup && name != noQuorum
}

func (p *Policy) readWitness(args []string) error {
	if len(args) != 2 && len(args) != 3 {
		return errors.New("a malformed witness line")
	}
	key, err := parseNoteKey(args[1], typeCosigner, typePostQuantum)
	if err != nil {
		return err
	}
	if !p.free(args[0]) {
		return errors.New("a name is given twice, or reserved")
	}
	for _, other := range p.Witnesses {
		if string(other.Key) == string(key.Key) {
			return errors.New("a witness is given twice")
		}
	}
	p.Witnesses[args[0]] = key
	return nil
}

func (p *Policy) readGroup(args []string) error {
	if len(args) < 3 || !p.free(args[0]) {
		return errors.New("a malformed group line")
	}
	members := args[2:]
	for _, name := range members {
		if p.free(name) || name == noQuorum || slices.Contains(p.members, name) {
			return errors.New("a member of a group is unknown, or in a group already")
		}
		p.members = append(p.members, name)
	}
	k, err := threshold(args[1], len(members))
	if err != nil {
		return err
	}
	p.Groups[args[0]] = group{k, members}
	return nil
}

func (p *Policy) readQuorum(args []string) error {
	if len(args) != 1 || p.Quorum != "" || (args[0] != noQuorum && p.free(args[0])) {
		return errors.New("a malformed quorum line")
	}
	p.Quorum = args[0]
	return nil
}

func threshold(word string, n int) (int, error) {
	switch word {
	case "any":
		return 1, nil
	case "all":
		return n, nil
	}
	k, err := strconv.Atoi(word)
	if err != nil || k < 1 || k > n || strconv.Itoa(k) != word {
		return 0, errors.New("a group's threshold is not from 1 to its size")
	}
	return k, nil
}
