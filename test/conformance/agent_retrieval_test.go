package conformance

import (
	"encoding/base64"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

func TestSecretByName(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "by-name/" + f.name
		arn, version := v.create(name, "payload-by-name")
		got := secret(t, s, f.ask(name))
		if got["Name"] != name || got["ARN"] != arn || got["SecretString"] != "payload-by-name" || got["VersionId"] != version || stages(got) != "AWSCURRENT" {
			t.Errorf("got %v", got)
		}
	})
}

func TestSecretByARN(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		arn, version := v.create("by-arn-"+f.name, "payload-by-arn")
		got := secret(t, s, f.ask(arn))
		if got["ARN"] != arn || got["SecretString"] != "payload-by-arn" || got["VersionId"] != version {
			t.Errorf("got %v", got)
		}
	})
}

func TestBinarySecret(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		content := []byte("\x00\xffbinary\n")
		v.createBinary("binary-"+f.name, content)
		got := secret(t, s, f.ask("binary-"+f.name))
		if got["SecretBinary"] != base64.StdEncoding.EncodeToString(content) || got["SecretString"] != nil {
			t.Errorf("got %v", got)
		}
	})
}

func TestSecretByStage(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "stages-" + f.name
		v.create(name, "current")
		v.put(name, "pending", "AWSPENDING")
		for stage, want := range map[string]string{"AWSCURRENT": "current", "AWSPENDING": "pending"} {
			got := secret(t, s, f.ask(name, "versionStage", stage))
			if got["SecretString"] != want || stages(got) != stage {
				t.Errorf("%s: got %v", stage, got)
			}
		}
	})
}

func TestSecretByVersionID(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "versions-" + f.name
		_, first := v.create(name, "first")
		second := v.put(name, "second")
		for version, want := range map[string]string{first: "first", second: "second"} {
			got := secret(t, s, f.ask(name, "versionId", version))
			if got["SecretString"] != want || got["VersionId"] != version {
				t.Errorf("%s: got %v", version, got)
			}
		}
	})
}

func TestLargeSecret(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		large := strings.Repeat("0123456789", 6000)
		v.create("large-"+f.name, large)
		for range 2 { // fetched, then from the cache
			if got := secret(t, s, f.ask("large-"+f.name)); got["SecretString"] != large {
				t.Errorf("a secret of 60000 characters came back with %d", len(got["SecretString"].(string)))
			}
		}
	})
}

func TestSecretThatIsNotThere(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, _ vault, f form) {
		for _, path := range []string{f.ask("not-there"), f.ask("not-there", "refreshNow", "true")} {
			status, header, body := s.Get(path)
			if status != 400 || body == "" {
				t.Errorf("%s: %d %q", path, status, body)
			}
			if f.name == "query" && (header.Get("X-Amzn-ErrorType") != "ResourceNotFoundException" || body != "an unexpected error occurred while executing request") {
				t.Errorf("%s: %q %q", path, header.Get("X-Amzn-ErrorType"), body)
			}
			if f.name == "path" && object(t, body)["__type"] != "ResourceNotFoundException" {
				t.Errorf("%s: %q", path, body)
			}
		}
	})
}
