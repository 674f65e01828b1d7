package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The conformance vectors, where SOGOC_VECTORS names their folder. Outside the two folders of verdicts only
// acceptance and results are compared: this program has its own words for what is wrong.

type vector struct {
	Desc   string
	Input  map[string]any
	Result map[string]any
	Error  map[string]any
}

func readVectors(t *testing.T, folder string) map[string]vector {
	t.Helper()
	root := os.Getenv("SOGOC_VECTORS")
	if root == "" {
		t.Skip("SOGOC_VECTORS does not name the folder of vectors")
	}
	names, _ := filepath.Glob(filepath.Join(root, folder, "*.json"))
	if len(names) == 0 {
		t.Fatalf("no vectors in %s", folder)
	}
	out := map[string]vector{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		var v vector
		if err := decoder.Decode(&v); err != nil {
			t.Fatal(name, err)
		}
		out[strings.TrimSuffix(filepath.Base(name), ".json")] = v
	}
	return out
}

func (v vector) hex(name string) []byte {
	s, _ := v.Input[name].(string)
	raw, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return raw
}

// text gives a text as it is, or the bytes of one that is not UTF-8.
func (v vector) text(name string) []byte {
	if s, ok := v.Input[name].(string); ok {
		return []byte(s)
	}
	return v.hex("hex")
}

func (v vector) hashes(name string) [][]byte {
	var out [][]byte
	for _, item := range v.Input[name].([]any) {
		raw, _ := hex.DecodeString(item.(string))
		out = append(out, raw)
	}
	return out
}

// number reads a size or index. None of the formats can state one below zero, so such a vector is refused here.
func (v vector) number(name string) (uint64, error) {
	n, err := v.Input[name].(json.Number).Int64()
	if err != nil || n < 0 {
		return 0, errors.New("not a size or index")
	}
	return uint64(n), nil
}

// expect compares what came out, as hexadecimal or text, with those of the result's items that this program has.
func (v vector) expect(got map[string]any) error {
	for name, value := range got {
		want, ok := v.Result[name]
		if raw, isBytes := value.([]byte); isBytes {
			value = hex.EncodeToString(raw)
		}
		if !ok || fmt.Sprint(want) != fmt.Sprint(value) {
			return fmt.Errorf("%s is %v, not %v", name, value, want)
		}
	}
	return nil
}

var errUnexpected = errors.New("unexpected result")

// handlers gives, by folder, how this program treats an input: an error refuses it, errUnexpected marks a wrong result.
var handlers = map[string]func(v vector) error{
	"encoding": func(v vector) error {
		value, err := Decode(v.hex("hex"))
		if err == nil && !bytes.Equal(Encode(value), v.hex("hex")) {
			return errUnexpected
		}
		return err
	},
	"signature": func(v vector) error {
		return checkSignature(v.hex("public_key"), v.hex("message"), v.hex("signature"))
	},
	"public-key": func(v vector) error {
		if key := v.hex("public_key"); len(key) != 32 || !hasPrimeOrder(key) {
			return errors.New("not fit")
		}
		return nil
	},
	"record": func(v vector) error {
		record, err := decodeRecord(v.hex("record"))
		if err == nil {
			err = record.check()
		}
		if err != nil || v.Result == nil {
			return err
		}
		return v.expect(map[string]any{
			"type": record.Type, "record_id": record.ID(), "authority": record.text("authority"),
		})
	},
	"header": func(v vector) error {
		header, err := decodeHeader(v.hex("leaf"))
		if err != nil || v.Result == nil {
			return err
		}
		return v.expect(map[string]any{
			"leaf_hash": leafHash(v.hex("leaf")), "height": header.Height, "time_ms": header.Time,
			"index": header.Index(), "size": header.Index() + 1, "chain_id": header.ChainID, "state_root": header.StateRoot,
		})
	},
	"genesis": func(v vector) error {
		genesis, err := decodeGenesis(v.hex("leaf"))
		if err != nil || v.Result == nil {
			return err
		}
		return v.expect(map[string]any{
			"chain_id": genesis.ChainID, "origin": genesis.Origin, "state_root": genesis.state.root(),
		})
	},
	"inclusion": func(v vector) error {
		index, err1 := v.number("index")
		size, err2 := v.number("size")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		return checkInclusion(v.hex("leaf_hash"), index, size, v.hashes("proof"), v.hex("root"))
	},
	"state-proof": func(v vector) error {
		value, err := Decode(v.hex("proof"))
		if err != nil {
			return err
		}
		proof, err := parseStateProof("state proof", value)
		if err != nil {
			return err
		}
		if !bytes.Equal(proof.key, v.hex("key")) || (v.Input["value"] == nil) != (proof.value == nil) ||
			!bytes.Equal(proof.value, v.hex("value")) {
			return errors.New("not what was asked for")
		}
		return proof.check(v.hex("state_root"))
	},
	"note": func(v vector) error {
		note, err := parseNote(v.text("text"))
		if err != nil || v.Result == nil {
			return err
		}
		return v.expect(map[string]any{"text": note.Text})
	},
	"checkpoint": func(v vector) error {
		note, err := parseNote(v.text("text"))
		if err != nil {
			return err
		}
		checkpoint, err := parseCheckpoint(note.Text)
		if err != nil || v.Result == nil {
			return err
		}
		return v.expect(map[string]any{"origin": checkpoint.Origin, "size": checkpoint.Size, "root": checkpoint.Root})
	},
	"policy": func(v vector) error {
		_, err := parsePolicy(v.text("text"))
		return err
	},
	"policy-check": func(v vector) error {
		policy, err := parsePolicy(v.text("policy"))
		if err != nil {
			return err
		}
		proven, err := policy.check(v.text("checkpoint"))
		if err != nil || v.Result == nil {
			return err
		}
		want := map[string]any{"origin": proven.Origin, "size": proven.Size, "root": proven.Root}
		want["existed_by_s"], want["status_as_of_s"] = any(nil), any(nil)
		if t := proven.Times; t != nil {
			want["existed_by_s"], want["status_as_of_s"] = t.existedBy, t.asOf
		}
		return v.expect(want)
	},
	"tlog-proof": func(v vector) error {
		proof, err := parseProof(v.text("text"))
		if err != nil || v.Result == nil {
			return err
		}
		if string(proof.Checkpoint) != v.Result["checkpoint"] {
			return errUnexpected
		}
		return v.expect(map[string]any{"index": proof.Index})
	},
}

// skipped counts the vectors about record types that this program does not know, by type and folder. The vectors of types
// that nobody knows are not among them: these are for it to judge.
type skipped map[string]int

func (s skipped) take(err error, v vector) bool {
	var u unknownType
	if !errors.As(err, &u) || !slices.Contains(notJudged, u.name) {
		return false
	}
	s[u.name]++
	return true
}

func (s skipped) report(t *testing.T, folder string) {
	names := make([]string, 0, len(s))
	total := 0
	for name, count := range s {
		names = append(names, name)
		total += count
	}
	slices.Sort(names)
	t.Logf("skipped in %s: %d vectors of types not known here: %s", folder, total, strings.Join(names, ", "))
}

func TestVectors(t *testing.T) {
	for folder, handle := range handlers {
		t.Run(folder, func(t *testing.T) {
			left := skipped{}
			defer func() {
				left.report(t, folder)
				if folder == "record" && len(left) != len(notJudged) {
					t.Errorf("of %d types that are not known here there are vectors of %d", len(notJudged), len(left))
				}
				if folder != "record" && len(left) > 0 {
					t.Errorf("vectors were skipped in %s", folder)
				}
			}()
			for name, v := range readVectors(t, folder) {
				err := handle(v)
				if left.take(err, v) {
					continue
				}
				switch {
				case v.Error == nil && err != nil:
					t.Errorf("%s (%s): %v", name, v.Desc, err)
				case v.Error != nil && (err == nil || errors.Is(err, errUnexpected)):
					t.Errorf("%s (%s): accepted, should be %v", name, v.Desc, v.Error)
				}
			}
		})
	}
}

func TestVerdictVectors(t *testing.T) {
	for _, folder := range []string{"receipt", "document", "certificate-proof"} {
		t.Run(folder, func(t *testing.T) {
			vectors := readVectors(t, folder)
			names := make([]string, 0, len(vectors))
			for name := range vectors {
				names = append(names, name)
			}
			slices.Sort(names)
			left := skipped{}
			for _, name := range names {
				v := vectors[name]
				policy := must[*Policy](t)(parsePolicy(v.text("policy")))
				answer := v.judge(folder, policy)
				proved := answer.proved()
				if folder == "certificate-proof" {
					answer.addCertificate(proved)
				}
				if left.take(answer.Because, v) {
					if answer.Verdict != CannotTell {
						t.Errorf("%s (%s): %v of a type that is not known here", name, v.Desc, answer.Verdict)
					}
					continue
				}
				if answer.Verdict.String() != v.Result["verdict"] {
					t.Errorf("%s (%s): %v (%s), not %v (%v)", name, v.Desc, answer.Verdict, answer.Reason, v.Result["verdict"], v.Result["rule"])
				}
				if err := v.expect(proved); err != nil {
					t.Errorf("%s (%s): %v", name, v.Desc, err)
				}
				for item := range v.Result {
					if _, ok := proved[item]; !ok && !slices.Contains([]string{"verdict", "rule"}, item) {
						t.Errorf("%s (%s): nothing is known of %s", name, v.Desc, item)
					}
				}
			}
			left.report(t, folder)
			total := 0
			for _, count := range left {
				total += count
			}
			if 10*total > len(vectors) {
				t.Errorf("%d of %d vectors were skipped", total, len(vectors))
			}
		})
	}
}

// optional reads an input in hexadecimal that need not be there.
func (v vector) optional(name string) []byte {
	if v.Input[name] == nil {
		return nil
	}
	return v.hex(name)
}

func (v vector) judge(folder string, policy *Policy) *Answer {
	var now *int64
	if n, ok := v.Input["now_ms"].(json.Number); ok {
		ms, _ := n.Int64()
		now = &ms
	}
	switch folder {
	case "certificate-proof":
		return judgeCertificate(v.hex("data"), v.optional("hash"), policy, now)
	case "document":
		return judgeFile(v.hex("file"), v.optional("salt"), v.text("text"), policy, now)
	}
	return judgeReceipt(v.text("text"), policy, now)
}

// addCertificate adds what is said of a certificate. Lists are compared as they are printed.
func (a *Answer) addCertificate(out map[string]any) {
	for _, name := range []string{"turn_ms", "issuer", "complete", "reason_code", "disputed_records"} {
		out[name] = any(nil)
	}
	out["claims"] = []any{}
	if a.Turn != nil {
		out["turn_ms"] = *a.Turn
	}
	if a.Record != nil && a.Subject != nil {
		issuer, names := a.Members[a.Record.text("authority")], []string{}
		ended := any(nil)
		if issuer.over(a.Header.Time) {
			ended = *issuer.Ended
			for _, member := range a.Line[1:] {
				if row := a.Members[member]; !row.over(a.Header.Time) {
					names = append(names, row.Name)
				}
			}
		}
		out["issuer"] = []any{issuer.Name, ended, names}
	}
	if c := a.Certificate; c != nil {
		out["complete"], out["disputed_records"], out["claims"] = c.Complete, c.Disputed, a.Claims
		if c.Reason != "" {
			out["reason_code"] = c.Reason
		}
	}
}

// proved gives what an answer says, under the names of the vectors.
func (a *Answer) proved() map[string]any {
	out := map[string]any{}
	if a.Record == nil {
		return out
	}
	out["record_id"], out["entry_id"], out["index"] = a.Record.ID(), a.Entry.ID(), a.Index
	out["author_key"], out["late"] = a.Entry.Author, a.late()
	out["existed_by_s"], out["status_as_of_s"] = any(nil), any(nil)
	if t := a.Proven.Times; t != nil {
		out["existed_by_s"], out["status_as_of_s"] = t.existedBy, t.asOf
	}
	if a.Subject != nil {
		out["member"], out["roles"], out["status"] = a.Member.Name, a.Key.Roles, a.Subject.Status
		out["since_ms"], out["changed_ms"], out["disputed"] = a.Subject.Time, a.Subject.Changed, a.disputed()
		out["members"] = a.Line
	}
	return out
}

type goldenBlock struct {
	Desc    string
	Entries []struct {
		Leaf    string
		Records []string
	}
	HeaderLeaf      string `json:"header_leaf"`
	HeaderSignature string `json:"header_signature"`
	StateRoot       string `json:"state_root"`
	TreeRoot        string `json:"tree_root"`
	Rows            map[string]string
}

// firstUnknown is the golden block that holds the first record of a type that is not known here.
const firstUnknown = 20

func readGolden(t *testing.T) []goldenBlock {
	names, _ := filepath.Glob(filepath.Join(os.Getenv("SOGOC_VECTORS"), "golden", "*.json"))
	if len(names) == 0 {
		t.Skip("SOGOC_VECTORS does not name the folder of vectors")
	}
	slices.Sort(names)
	blocks := make([]goldenBlock, len(names))
	for i, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &blocks[i]); err != nil {
			t.Fatal(err)
		}
	}
	return blocks
}

func TestGoldenBlocks(t *testing.T) {
	blocks := readGolden(t)
	unhex := func(s string) []byte {
		raw, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	exportOf := func(blocks []goldenBlock) *export {
		e := &export{}
		for _, b := range blocks {
			for _, entry := range b.Entries {
				var records [][]byte
				for _, record := range entry.Records {
					records = append(records, unhex(record))
				}
				e.items, e.extra = append(e.items, unhex(entry.Leaf)), append(e.extra, records)
			}
			var beside [][]byte
			if b.HeaderSignature != "" {
				beside = [][]byte{unhex(b.HeaderSignature)}
			}
			e.items, e.extra = append(e.items, unhex(b.HeaderLeaf)), append(e.extra, beside)
		}
		return e
	}

	all := exportOf(blocks)
	report := &Report{}
	_, err := replay(all, must[*Genesis](t)(decodeGenesis(all.items[0])), all.items[0], report)
	var u unknownType
	if !errors.As(err, &u) || !slices.Contains(notJudged, u.name) || verdictOf(err) != CannotTell {
		t.Fatalf("the replay should end at a type that is not known here, not with %v", err)
	}
	if report.Blocks != firstUnknown {
		t.Fatalf("%d blocks were replayed, not %d: %v", report.Blocks, firstUnknown, err)
	}
	t.Logf("replayed %d of %d golden blocks; %v", report.Blocks, len(blocks), err)

	blocks = blocks[:firstUnknown]
	last := blocks[len(blocks)-1]
	rows := map[string]string{}
	for _, b := range blocks {
		for key, value := range b.Rows {
			rows[key] = value
		}
	}
	e := exportOf(blocks)
	genesis := must[*Genesis](t)(decodeGenesis(e.items[0]))
	tree, err := replay(e, genesis, e.items[0], &Report{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tree root", tree.root(), unhex(last.TreeRoot))
	same(t, "state root", genesis.state.root(), unhex(last.StateRoot))
	if len(rows) != len(genesis.state.rows) {
		t.Errorf("%d rows, not %d", len(genesis.state.rows), len(rows))
	}
	for key, value := range rows {
		same(t, "row "+key, Encode(genesis.state.rows[string(unhex(key))]), unhex(value))
	}
}
