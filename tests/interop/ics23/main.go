// Command ics23 checks state proofs with the ICS-23 reference library and its SmtSpec, knowing nothing else of this
// project. Each line of its input is a JSON object of hexadecimal strings: root, proof (a CommitmentProof), key, and value
// or null for absence. For each it prints "accepted", or "refused" and what it can say about why.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	ics23 "github.com/cosmos/ics23/go"
)

type question struct {
	Root  string  `json:"root"`
	Proof string  `json:"proof"`
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

// check returns nil if the library accepts the proof. It turns the library's panics on malformed proofs into refusals.
func check(line []byte) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return err
	}
	root, err := hex.DecodeString(asked.Root)
	if err != nil {
		return err
	}
	data, err := hex.DecodeString(asked.Proof)
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(asked.Key)
	if err != nil {
		return err
	}
	var proof ics23.CommitmentProof
	if err := proof.Unmarshal(data); err != nil {
		return err
	}
	if asked.Value == nil {
		if !ics23.VerifyNonMembership(ics23.SmtSpec, root, &proof, key) {
			return errors.New("absence not proved")
		}
		return nil
	}
	value, err := hex.DecodeString(*asked.Value)
	if err != nil {
		return err
	}
	if !ics23.VerifyMembership(ics23.SmtSpec, root, &proof, key, value) {
		return errors.New("membership not proved")
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	output := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		if err := check(lines.Bytes()); err != nil {
			fmt.Fprintln(output, "refused:", err)
		} else {
			fmt.Fprintln(output, "accepted")
		}
	}
	if err := errors.Join(lines.Err(), output.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
