// Torchwood as an independent reader: JSON questions on standard input, one answer each ("" or why not).
package main

import (
	"encoding/json"
	"log"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Policy     string
	Checkpoint []byte
	Entry      []byte
	Proof      []byte
}

func answer(q question) error {
	policy, err := torchwood.ParsePolicy([]byte(q.Policy))
	if err != nil {
		return err
	}
	if q.Proof != nil {
		return torchwood.VerifyProof(policy, tlog.RecordHash(q.Entry), q.Proof)
	}
	_, _, err = torchwood.VerifyCheckpoint(q.Checkpoint, policy)
	return err
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		log.Fatal(err)
	}
	answers := make([]string, 0, len(questions))
	for _, q := range questions {
		said := ""
		if err := answer(q); err != nil {
			said = err.Error()
		}
		answers = append(answers, said)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}
