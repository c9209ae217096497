// vulndb writes a vulnerability database in Trivy's own format, with one made-up advisory: versions of a package of PyPI
// below 0.101.0 have a HIGH vulnerability that 0.101.0 fixes. A scanner that is blind finds nothing in it.
//
//	vulndb FOLDER PACKAGE
package main

import (
	"log"
	"os"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	bolt "go.etcd.io/bbolt"
)

const (
	source = "pip::Advisories of the tests"
	number = "CVE-2026-00001"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: vulndb FOLDER PACKAGE")
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func write(folder, name string) error {
	if err := db.Init(folder); err != nil {
		return err
	}
	defer db.Close()
	data := db.Config{}
	advisory := types.Advisory{VulnerableVersions: []string{"<0.101.0"}, PatchedVersions: []string{"0.101.0"}}
	about := types.Vulnerability{Title: "Planted by the tests", Severity: types.SeverityHigh.String()}
	err := data.BatchUpdate(func(tx *bolt.Tx) error {
		if err := data.PutDataSource(tx, source, types.DataSource{ID: "ghsa", Name: "tests"}); err != nil {
			return err
		}
		if err := data.PutAdvisory(tx, []string{source, name}, number, advisory); err != nil {
			return err
		}
		return data.PutVulnerability(tx, number, about)
	})
	if err != nil {
		return err
	}
	now := time.Now()
	return metadata.NewClient(folder).Update(metadata.Metadata{
		Version: db.SchemaVersion, NextUpdate: now.AddDate(10, 0, 0), UpdatedAt: now, DownloadedAt: now,
	})
}
