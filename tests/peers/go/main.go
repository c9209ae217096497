// The transparency-log functions of golang.org/x/mod, behind one JSON document in and one out, so that the tests can
// ask an independent implementation. Each answer is an error message, empty when the question is accepted.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Question has the fields of all kinds; "note" opens a note, "record" and "tree" check proofs of inclusion and of
// consistency, "sign" and "prove" let x/mod make what our side then checks.
type Question struct {
	Kind    string
	Key     string
	Note    []byte
	Text    string
	Entries [][]byte
	Proof   []tlog.Hash
	Size    int64
	Root    tlog.Hash
	Index   int64
	Leaf    tlog.Hash
	OldSize int64
	OldRoot tlog.Hash
}

// Answer carries an error message, and what "note", "sign" and "prove" bring back.
type Answer struct {
	Error       string
	Text        string
	Note        []byte
	Root        tlog.Hash
	Inclusion   []tlog.Hash
	Consistency []tlog.Hash
}

// storedHashes is all hashes of a tree in the order of tlog.StoredHashIndex.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		hashes[i] = s[index]
	}
	return hashes, nil
}

func answer(q Question) (a Answer, err error) {
	switch q.Kind {
	case "note":
		verifier, err := note.NewVerifier(q.Key)
		if err != nil {
			return a, err
		}
		opened, err := note.Open(q.Note, note.VerifierList(verifier))
		if err != nil {
			return a, err
		}
		a.Text = opened.Text
		return a, nil
	case "sign":
		signer, err := note.NewSigner(q.Key)
		if err != nil {
			return a, err
		}
		a.Note, err = note.Sign(&note.Note{Text: q.Text}, signer)
		return a, err
	case "record":
		return a, tlog.CheckRecord(q.Proof, q.Size, q.Root, q.Index, q.Leaf)
	case "tree":
		return a, tlog.CheckTree(q.Proof, q.Size, q.Root, q.OldSize, q.OldRoot)
	case "prove":
		return prove(q)
	}
	return a, fmt.Errorf("unknown kind %q", q.Kind)
}

func prove(q Question) (a Answer, err error) {
	var stored storedHashes
	for i, entry := range q.Entries {
		hashes, err := tlog.StoredHashes(int64(i), entry, stored)
		if err != nil {
			return a, err
		}
		stored = append(stored, hashes...)
	}
	size := int64(len(q.Entries))
	if a.Root, err = tlog.TreeHash(size, stored); err != nil {
		return a, err
	}
	if a.Inclusion, err = tlog.ProveRecord(size, q.Index, stored); err != nil {
		return a, err
	}
	a.Consistency, err = tlog.ProveTree(size, q.OldSize, stored)
	return a, err
}

func main() {
	var questions []Question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	answers := make([]Answer, len(questions))
	for i, question := range questions {
		got, err := answer(question)
		if err != nil {
			got.Error = err.Error()
		}
		answers[i] = got
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
