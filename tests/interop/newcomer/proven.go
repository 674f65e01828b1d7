package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Proven is a checkpoint that satisfies a policy, and what its cosignatures prove of time.
type Proven struct {
	Checkpoint
	Times     *times // nil where the policy asks for no cosignature
	Cosigners int
}

// times are in seconds: all in the tree existed no later than the first, and a status shown holds as of the second.
type times struct{ existedBy, asOf uint64 }

// check verifies a checkpoint. A signature by a known key that does not verify condemns the note, as signed-note advises;
// too few of them only leave it unproven.
func (p *Policy) check(data []byte) (*Proven, error) {
	note, checkpoint, err := parseSignedCheckpoint(data)
	if err != nil {
		return nil, unreadable(err)
	}
	signed := false
	newest := map[string]uint64{}
	for _, s := range note.Signatures {
		if key, ok := find(p.Logs, s); ok {
			if err := checkSignature(key.Key, []byte(note.Text), s.Raw); err != nil {
				return nil, fmt.Errorf("the log's signature of the checkpoint: %w", err)
			}
			signed = signed || key.Name == checkpoint.Origin
		}
		for name, key := range p.Witnesses {
			if key.Name != s.Name || key.ID != s.ID || key.Type != typeCosigner {
				continue
			}
			when, err := checkCosignature(key, note.Text, s.Raw)
			if err != nil {
				return nil, err
			}
			newest[name] = max(newest[name], when)
		}
	}
	if !signed {
		return nil, unknown("the checkpoint is not signed by a log of the policy")
	}
	proven := &Proven{Checkpoint: *checkpoint, Cosigners: len(newest)}
	if p.Quorum == noQuorum {
		return proven, nil
	}
	if proven.Times = p.weigh(p.Quorum, newest); proven.Times == nil {
		return nil, unknown("too few cosignatures: %d of the policy's %d witnesses", len(newest), len(p.Witnesses))
	}
	return proven, nil
}

func checkCosignature(key noteKey, text string, raw []byte) (uint64, error) {
	if len(raw) != 8+64 {
		return 0, errors.New("a cosignature has the wrong length")
	}
	when := binary.BigEndian.Uint64(raw)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", when, text)
	if err := checkSignature(key.Key, []byte(message), raw[8:]); err != nil || when > 1<<63-1 {
		return 0, fmt.Errorf("the cosignature of %s: %w", key.Name, errSignature)
	}
	return when, nil
}

// weigh gives the times that a witness or group proves, or nil where it has not cosigned. A group of n that needs q bears
// n-q wrong members, but never so many that none of the q is right. So that many of the earliest times are passed over.
func (p *Policy) weigh(name string, newest map[string]uint64) *times {
	group, isGroup := p.Groups[name]
	if !isGroup {
		if when, ok := newest[name]; ok {
			return &times{when, when}
		}
		return nil
	}
	var existed, asOf []uint64
	for _, member := range group.Members {
		if t := p.weigh(member, newest); t != nil {
			existed, asOf = append(existed, t.existedBy), append(asOf, t.asOf)
		}
	}
	q := group.Threshold
	if len(existed) < q {
		return nil
	}
	slices.Sort(existed)
	slices.Sort(asOf)
	return &times{existed[min(len(group.Members)-q, q-1)], asOf[len(asOf)-q]}
}
