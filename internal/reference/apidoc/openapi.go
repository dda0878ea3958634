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
		if r.Request.Schema != "" {
			content["application/x-ndjson"] = object{}
		} else {
			content["application/octet-stream"] = object{}
		}
		op["requestBody"] = object{"required": true, "content": content}
	}
	if r.Open {
		op["security"] = []object{} // none
	}
	return op
}

// operationID makes a name for generated clients, such as
// getParametersDynamodbByTableAndKey.
func operationID(r *Route) string {
	id, by := strings.ToLower(r.Method), ""
	for _, part := range strings.FieldsFunc(r.Pattern, func(c rune) bool { return c == '/' || c == '.' }) {
		name, isVariable := strings.CutPrefix(part, "{")
		name = strings.Trim(name, "}…")
		name = strings.ToUpper(name[:1]) + name[1:]
		switch {
		case !isVariable:
			id += name
		case by == "":
			by = "By" + name
		default:
			by += "And" + name
		}
	}
	return id + by
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

func mediaObject(m *Media) object {
	out := object{"schema": object{"type": "string"}}
	switch {
	case m.Schema != "":
		out["schema"] = object{"$ref": "#/components/schemas/" + m.Schema}
	case strings.HasPrefix(m.Type, "application/octet-stream"):
		out["schema"] = object{} // bytes
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
