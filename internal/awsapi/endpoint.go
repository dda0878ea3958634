package awsapi

import (
	"net/url"
	"strings"

	"powertools-extension/internal/ref"
)

// partition is a part of AWS with its own DNS names.
type partition struct {
	id        string
	suffix    string
	dualStack string // suffix of the names that answer over IPv4 and IPv6
}

// partitionOf returns the partition a region belongs to. An unknown region is
// taken for one of the public partition: new regions must work without a new
// release. (AWS SDKs' partitions.json)
func partitionOf(region string) partition {
	for _, p := range [...]struct {
		prefix string
		partition
	}{
		{"cn-", partition{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}},
		{"us-gov-", partition{"aws-us-gov", "amazonaws.com", "api.aws"}},
		{"us-iso-", partition{"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}},
		{"us-isob-", partition{"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}},
		{"eu-isoe-", partition{"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}},
		{"us-isof-", partition{"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}},
		{"eusc-", partition{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return partition{"aws", "amazonaws.com", "api.aws"}
}

// The variables that choose an endpoint. (AWS SDKs and Tools Reference,
// "Service-specific endpoints", "Dual-stack and FIPS endpoints")
const (
	envEndpoint        = "AWS_ENDPOINT_URL"
	envIgnoreEndpoints = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
	envFIPS            = "AWS_USE_FIPS_ENDPOINT"
	envDualStack       = "AWS_USE_DUALSTACK_ENDPOINT"
)

// endpoints says where a service lives.
type endpoints struct {
	lookup    func(string) (string, bool)
	region    string
	fips      bool
	dualStack bool
	ignore    bool // the AWS_ENDPOINT_URL variables do not count
}

func newEndpoints(lookup func(string) (string, bool), region string) endpoints {
	for _, name := range [...]string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region, _ = lookup(name)
		}
	}
	return endpoints{
		lookup:    lookup,
		region:    region,
		fips:      isTrue(lookup, envFIPS),
		dualStack: isTrue(lookup, envDualStack),
		ignore:    isTrue(lookup, envIgnoreEndpoints),
	}
}

func isTrue(lookup func(string) (string, bool), name string) bool {
	v, _ := lookup(name)
	return strings.EqualFold(strings.TrimSpace(v), "true")
}

// place is where one call goes.
type place struct {
	url    string
	region string // of the signature
	env    string // the variable that chose the URL; empty: the service's own endpoint
}

// resolve finds the place of a call. A configured URL wins over everything,
// FIPS and dual-stack included: whoever sets it means it.
func (e *endpoints) resolve(svc service, op Operation) (place, error) {
	region := op.Region
	if region == "" {
		region = e.region
	}
	if region == "" {
		return place{}, &RequestError{op.Service, op.Name, "no region", "set AWS_REGION"}
	}
	env, raw := e.configured(svc)
	// The region may come from a caller's query or ARN. It becomes part of a
	// host name that gets a signed request, so nothing else may pass. With an
	// endpoint of its own, the environment may call its region as it likes.
	if !ref.IsRegion(region) && (raw == "" || op.Region != "") {
		return place{}, &RequestError{op.Service, op.Name, "not a region name", "use a name like eu-central-1"}
	}
	if raw != "" {
		u, ok := baseURL(raw)
		if !ok {
			return place{}, &RequestError{op.Service, op.Name, env + " is not an http or https URL", "correct or unset it"}
		}
		return place{u, region, env}, nil
	}
	return place{"https://" + e.host(svc, region) + "/", region, ""}, nil
}

// configured returns the endpoint variable that applies and its value.
func (e *endpoints) configured(svc service) (env, raw string) {
	if e.ignore {
		return "", ""
	}
	for _, name := range [...]string{envEndpoint + "_" + svc.env, envEndpoint} {
		if v, ok := e.lookup(name); ok && v != "" {
			return name, v
		}
	}
	return "", ""
}

// host builds the service's own host name. (AWS General Reference, "Service
// endpoints and quotas")
func (e *endpoints) host(svc service, region string) string {
	p := partitionOf(region)
	public := p.id == "aws" || p.id == "aws-cn" || p.id == "aws-us-gov"
	name, suffix := svc.name, p.suffix
	if e.dualStack && !(svc.dualStack && public) {
		suffix = p.dualStack
	}
	if e.fips && !(svc.govFIPS && p.id == "aws-us-gov" && !e.dualStack) {
		name += "-fips"
	}
	return name + "." + region + "." + suffix
}

// baseURL checks a configured endpoint and gives it the trailing slash that
// the JSON protocols post to.
func baseURL(raw string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return strings.TrimSuffix(u.String(), "/") + "/", true
}
