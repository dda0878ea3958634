package apidoc

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/internal/localhttp"
)

// object is one JSON object of the API description.
type object = map[string]any

// OpenAPI prints the table of routes as an OpenAPI 3.1 document, indented,
// with a line end. The version in it is localhttp.UnknownVersion.
func OpenAPI() []byte {
	paths := object{}
	for _, r := range Routes() {
		path := strings.ReplaceAll(r.Pattern, "…", "")
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(r.Method)] = operation(&r)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(object{ // maps, strings and literals that the tests parse: cannot fail
		"openapi": "3.1.0",
		"info": object{
			"title": "powertools-extension local API", "version": localhttp.UnknownVersion,
			"summary":     "Parameters, secrets, custom metrics and the invocation's context for a Lambda function in any runtime, on loopback",
			"description": Overview,
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []object{{"url": "http://127.0.0.1:2773", "description": "inside the function's sandbox"}},
		"security": []object{{"token": []string{}}, {"vaultToken": []string{}}},
		"tags":     tags(),
		"paths":    paths,
		"components": object{
			"schemas":   schemas(),
			"responses": object{"Problem": problemResponse("An error; its code says which one")},
			"securitySchemes": object{
				"token":      object{"type": "apiKey", "in": "header", "name": "X-Aws-Parameters-Secrets-Token", "description": "the value of AWS_SESSION_TOKEN, AWS_CONTAINER_AUTHORIZATION_TOKEN or AWS_TOKEN"},
				"vaultToken": object{"type": "apiKey", "in": "header", "name": "X-Vault-Token", "description": "the same value"},
			},
		},
	})
	return out.Bytes()
}

func operation(r *Route) object {
	op := object{
		"operationId": operationID(r),
		"tags":        []string{tag(r)},
		"summary":     r.Summary,
		"responses":   responses(r),
	}
	if r.Detail != "" {
		op["description"] = r.Detail
	}
	if len(r.Params) > 0 {
		var list []object
		for i := range r.Params {
			list = append(list, parameter(&r.Params[i]))
		}
		op["parameters"] = list
	}
	if r.Request != nil {
		content := object{r.Request.Type: mediaObject(r.Request)}
		switch {
		case r.Pattern == "/metrics":
			content["application/x-ndjson"] = object{"schema": object{"type": "string", "description": "one object per line"}}
		case r.Request.Schema == "":
			content["application/octet-stream"] = object{"schema": binary()}
		}
		op["requestBody"] = object{"required": true, "content": content}
	}
	if r.Open {
		op["security"] = []object{} // none
	}
	return op
}

// operationID is the name of a route in generated clients.
func operationID(r *Route) string {
	if name := wellKnown(r.Method + " " + r.Pattern); name != "" {
		return name
	}
	id := strings.ToLower(r.Method)
	for _, part := range strings.FieldsFunc(r.Pattern, func(c rune) bool { return strings.ContainsRune("/{}…", c) }) {
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}

// wellKnown is the name of a route whose pattern makes a poor one.
func wellKnown(route string) string {
	switch route {
	case "GET /parameters/ssm/{name…}":
		return "getParameter"
	case "GET /parameters/ssm":
		return "getParameters"
	case "PUT /parameters/ssm/{name…}":
		return "putParameter"
	case "GET /parameters/secrets/{id…}":
		return "getSecret"
	case "GET /parameters/secrets":
		return "getSecrets"
	case "PUT /parameters/secrets/{id…}":
		return "putSecret"
	case "GET /parameters/dynamodb/{table}/{key…}":
		return "getItem"
	case "GET /parameters/dynamodb/{table}":
		return "getItems"
	case "GET /parameters/appconfig/{app}/{env}/{profile}":
		return "getConfiguration"
	case "GET /parameters/cache":
		return "listCache"
	case "DELETE /parameters/cache":
		return "purgeCache"
	case "GET /systemsmanager/parameters/get":
		return "extensionParameter"
	case "GET /secretsmanager/get":
		return "extensionSecret"
	case "GET /v1/{secretId…}":
		return "agentSecret"
	case "GET /applications/{application}/environments/{environment}/configurations/{profile}":
		return "agentConfiguration"
	case "POST /metrics":
		return "recordMetrics"
	case "GET /ping":
		return "ping"
	case "GET /healthz":
		return "getHealth"
	case "GET /openapi.json":
		return "getDescription"
	}
	return ""
}

// tags are the groups of routes.
func tags() []object {
	return []object{
		{"name": "parameters", "description": "parameters, secrets, items and configurations"},
		{"name": "drop-in", "description": "in place of three other servers, on their paths and in their formats"},
		{"name": "hooks", "description": "flags, idempotency and validation for any language"},
		{"name": "function", "description": "metrics and the invocation"},
		{"name": "extension", "description": "about the extension itself"},
	}
}

func tag(r *Route) string {
	first, _, _ := strings.Cut(r.Pattern[1:], "/")
	switch {
	case r.Dialect != localhttp.Problems:
		return "drop-in"
	case first == "parameters":
		return "parameters"
	case first == "metrics", first == "context":
		return "function"
	case first == "ping", first == "healthz", first == "config", first == "openapi.json":
		return "extension"
	}
	return "hooks"
}

func parameter(p *Param) object {
	schema := object{"type": p.Type}
	if p.Type == "seconds" {
		schema = object{"type": "string", "pattern": `^[0-9.]+([a-zµ]+[0-9.]*)*$`}
	}
	if p.Allowed != nil {
		schema["enum"] = p.Allowed
	}
	if p.Repeat {
		schema = object{"type": "array", "items": schema}
	}
	description := p.Summary
	switch p.Default {
	case "":
	case "true", "false":
		schema["default"] = p.Default == "true"
	default:
		description += "; default: " + p.Default
	}
	out := object{"name": p.Name, "in": string(p.In), "required": p.Required, "description": description, "schema": schema}
	return out
}

// responses joins the route's answers with its errors. Several errors of one
// status are one entry, because OpenAPI knows statuses only.
func responses(r *Route) object {
	out := object{}
	for _, a := range r.Answers {
		response := object{"description": a.Summary}
		if a.Media != nil {
			content := object{}
			for i := range a.Media {
				media, _, _ := strings.Cut(a.Media[i].Type, ";")
				content[media] = mediaObject(&a.Media[i])
			}
			response["content"] = content
		}
		out[strconv.Itoa(a.Status)] = response
	}
	titles := map[int][]string{}
	for _, e := range r.errorsOf(localhttp.Errors()) {
		titles[e.Status] = append(titles[e.Status], string(e.Code)+" ("+e.Title+")")
	}
	for status, list := range titles {
		if _, taken := out[strconv.Itoa(status)]; !taken {
			out[strconv.Itoa(status)] = problemResponse(strings.Join(list, ", "))
		}
	}
	out["default"] = object{"$ref": "#/components/responses/Problem"}
	return out
}

// errorsOf lists the errors that a route can answer.
func (r *Route) errorsOf(table []localhttp.ErrorInfo) []localhttp.ErrorInfo {
	var list []localhttp.ErrorInfo
	for _, e := range table {
		tokenless := r.Open && (e.Code == localhttp.CodeToken || e.Code == localhttp.CodeNoToken || e.Code == localhttp.CodeTooManyRequests)
		if (e.Every || slices.Contains(r.Errors, e.Code)) && !tokenless {
			list = append(list, e)
		}
	}
	return list
}

func problemResponse(description string) object {
	return object{"description": description, "content": object{
		"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}},
	}}
}

// binary is a body of bytes, in the form that generators know.
func binary() object { return object{"type": "string", "format": "binary"} }

func mediaObject(m *Media) object {
	out := object{"schema": object{"type": "string"}}
	switch {
	case m.Schema != "":
		out["schema"] = object{"$ref": "#/components/schemas/" + m.Schema}
	case strings.HasPrefix(m.Type, "application/octet-stream"):
		out["schema"] = binary()
	}
	if m.Example == "" {
		return out
	}
	out["example"] = m.Example
	if m.Schema != "" {
		out["example"] = json.RawMessage(m.Example)
	}
	return out
}
