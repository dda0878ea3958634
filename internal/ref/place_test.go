package ref

import "testing"

func TestIsRegion(t *testing.T) {
	for s, want := range map[string]bool{
		"eu-west-1": true, "us-gov-east-1": true, "us-isob-east-1": true, "ap-southeast-12": true, "mx-central-1": true, "eusc-de-east-1": true,
		"": false, "eu": false, "eu-west": false, "eu-1": false, "e-west-1": false, "eu-west-": false, "-eu-west-1": false, "eu--west-1": false,
		"EU-WEST-1": false, "eu-west-1a": false, "eu_west_1": false, "eu-west-1.evil.example": false, "eu-west-1/": false, "eu-west-1@h": false,
		"eu-west-1 ": false, "eu-w3st-1": false, "eu-west-1\n": false, "local": false, "evil.example": false, "eu-wést-1": false,
		"aa-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1": false,
	} {
		if got := IsRegion(s); got != want {
			t.Errorf("%q is a region: %v", s, got)
		}
	}
}

func TestIsRole(t *testing.T) {
	for s, want := range map[string]bool{
		"arn:aws:iam::123456789012:role/reader":               true,
		"arn:aws-cn:iam::123456789012:role/path/a+b=c,d.e@f_": true,
		"arn:aws:iam::123456789012:role/":                     false,
		"arn:aws:iam::12345678901:role/r":                     false,
		"arn:aws:iam:eu-west-1:123456789012:role/r":           false,
		"arn:aws:sts::123456789012:assumed-role/r":            false,
		"arn:aws:iam::123456789012:user/r":                    false,
		"arn:awsx:iam::123456789012:role/r":                   false,
		"arn:aws-:iam::123456789012:role/r r":                 false,
		"reader":                                              false,
		"":                                                    false,
	} {
		if got := IsRole(s); got != want {
			t.Errorf("%q is a role: %v", s, got)
		}
	}
}
