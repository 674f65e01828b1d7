// Command notes lets other people's libraries judge what this ledger writes, and writes what the ledger must read:
// golang.org/x/mod/sumdb/note and tlog, and filippo.io/torchwood for cosignatures, policies and proof files.
//
// It reads one JSON request from standard input and answers with one JSON object. An "error" in the answer is the
// library's verdict, not a failure of this program; a request that makes no sense ends it with a message and status 2.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A request names an operation and carries what it needs; seeds are 32 bytes in hexadecimal.
type request struct {
	Op       string   `json:"op"`
	Text     string   `json:"text"`
	Vkeys    []string `json:"vkeys"`
	Policy   string   `json:"policy"`
	LeafHash string   `json:"leaf_hash"`
	Origin   string   `json:"origin"`
	LogSeeds []string `json:"log_seeds"`
	Witness  []signer `json:"witnesses"`
	Leaves   []string `json:"leaves"`
	Index    int64    `json:"index"`
	Extra    string   `json:"extra"`
}

type signer struct {
	Name string `json:"name"`
	Seed string `json:"seed"`
}

type answer struct {
	Error   string   `json:"error,omitempty"`
	Text    string   `json:"text,omitempty"`
	Signers []string `json:"signers,omitempty"`
	Vkeys   []string `json:"vkeys,omitempty"`
	Times   []int64  `json:"times,omitempty"`
	Extra   string   `json:"extra,omitempty"`
}

func main() {
	var r request
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	must(decoder.Decode(&r))
	must(json.NewEncoder(os.Stdout).Encode(handle(r)))
}

func handle(r request) answer {
	switch r.Op {
	case "open-note":
		return openNote(r)
	case "sign":
		return sign(r)
	case "verify-checkpoint":
		return verifyCheckpoint(r)
	case "verify-proof":
		return verifyProof(r)
	case "make-proof":
		return makeProof(r)
	}
	fatal(fmt.Errorf("unknown operation %q", r.Op))
	return answer{}
}

// openNote verifies a note under vkeys of type 0x01, and says who signed.
func openNote(r request) answer {
	var verifiers []note.Verifier
	for _, vkey := range r.Vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return answer{Error: err.Error()}
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open([]byte(r.Text), note.VerifierList(verifiers...))
	if err != nil {
		return answer{Error: err.Error()}
	}
	a := answer{Text: n.Text}
	for _, s := range n.Sigs {
		a.Signers = append(a.Signers, s.Name)
	}
	return a
}

// sign signs a text as logs and cosigns it as witnesses, and gives the vkeys that go with it: logs, then witnesses.
func sign(r request) answer {
	text, vkeys, err := signAll(r, r.Text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: text, Vkeys: vkeys}
}

func signAll(r request, text string) (string, []string, error) {
	var signers []note.Signer
	var vkeys []string
	for _, s := range r.LogSeeds {
		key := privateKey(s)
		public := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
		vkey, err := note.NewEd25519VerifierKey(r.Origin, key.Public().(ed25519.PublicKey))
		must(err)
		hash := vkey[len(r.Origin)+1 : len(r.Origin)+9]
		if vkey != fmt.Sprintf("%s+%s+%s", r.Origin, hash, base64.StdEncoding.EncodeToString(public)) {
			fatal(fmt.Errorf("unexpected vkey %q", vkey))
		}
		private := base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...))
		one, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", r.Origin, hash, private))
		must(err)
		signers, vkeys = append(signers, one), append(vkeys, vkey)
	}
	for _, w := range r.Witness {
		one, err := torchwood.NewCosignatureSigner(w.Name, privateKey(w.Seed))
		must(err)
		signers, vkeys = append(signers, one), append(vkeys, one.Verifier().String())
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	return string(signed), vkeys, err
}

// verifyCheckpoint checks a signed checkpoint under a policy, and says who cosigned when (0 for a log).
func verifyCheckpoint(r request) answer {
	policy, err := torchwood.ParsePolicy([]byte(r.Policy))
	if err != nil {
		return answer{Error: "policy: " + err.Error()}
	}
	checkpoint, n, err := torchwood.VerifyCheckpoint([]byte(r.Text), policy)
	if err != nil {
		return answer{Error: err.Error()}
	}
	a := answer{Text: checkpoint.String()}
	for _, s := range n.Sigs {
		a.Signers = append(a.Signers, s.Name)
		if s.Name == checkpoint.Origin {
			a.Times = append(a.Times, 0)
			continue
		}
		time, err := torchwood.CosignatureTimestamp(s)
		must(err)
		a.Times = append(a.Times, time)
	}
	return a
}

// verifyProof checks a proof file for a leaf hash under a policy.
func verifyProof(r request) answer {
	policy, err := torchwood.ParsePolicy([]byte(r.Policy))
	if err != nil {
		return answer{Error: "policy: " + err.Error()}
	}
	if err := torchwood.VerifyProof(policy, tlog.Hash(unhex(r.LeafHash)), []byte(r.Text)); err != nil {
		return answer{Error: err.Error()}
	}
	extra, err := torchwood.ProofExtraData([]byte(r.Text))
	if err != nil {
		return answer{}
	}
	return answer{Extra: hex.EncodeToString(extra)}
}

// makeProof builds a tree over leaves (in hexadecimal), signs its checkpoint and proves the leaf at an index.
func makeProof(r request) answer {
	var hashes hashStorage
	for number, leaf := range r.Leaves {
		more, err := tlog.StoredHashes(int64(number), unhex(leaf), hashes)
		must(err)
		hashes = append(hashes, more...)
	}
	size := int64(len(r.Leaves))
	root, err := tlog.TreeHash(size, hashes)
	must(err)
	proof, err := tlog.ProveRecord(size, r.Index, hashes)
	must(err)
	text := torchwood.Checkpoint{Origin: r.Origin, Tree: tlog.Tree{N: size, Hash: root}}.String()
	signed, vkeys, err := signAll(r, text)
	must(err)
	if r.Extra == "" {
		return answer{Text: string(torchwood.FormatProof(r.Index, proof, []byte(signed))), Vkeys: vkeys}
	}
	made := torchwood.FormatProofWithExtraData(r.Index, unhex(r.Extra), proof, []byte(signed))
	return answer{Text: string(made), Vkeys: vkeys}
}

type hashStorage []tlog.Hash

func (h hashStorage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, h[index])
	}
	return found, nil
}

func privateKey(seed string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(unhex(seed))
}

func unhex(text string) []byte {
	data, err := hex.DecodeString(text)
	must(err)
	return data
}

func must(err error) {
	if err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "notes:", err)
	os.Exit(2)
}
