// Lets those through who have credit. The service is asked by its name, `billing`.
package main

import (
	"fmt"
	"strconv"
	"strings"

	"credit-check/routing"
)

func init() { routing.Register(creditCheck{}) }

func main() {}

type creditCheck struct{}

func (creditCheck) Check() error { return nil }

func (creditCheck) Route(request routing.Request) (routing.Decision, error) {
	caller, ok := caller(request)
	if !ok {
		return nil, fmt.Errorf("nobody says who is calling")
	}
	reply, err := routing.RestGet("http://billing.service.internal/credit?caller=" + routing.RestEscape(caller))
	if err != nil {
		return nil, err
	}
	switch reply.Status {
	case 200:
	case 404:
		return routing.Answer{Code: 403, Reason: "Unknown Caller"}, nil
	default:
		return nil, fmt.Errorf("billing answered with %d", reply.Status)
	}
	credit := strings.TrimSpace(routing.Text(reply.Body))
	first, _, _ := strings.Cut(credit, " ")
	amount, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return nil, fmt.Errorf("billing says %q, which is no amount", credit)
	}
	if amount > 0 {
		return routing.Continue{Attributes: map[string]string{"reason": "credit " + credit}}, nil
	}
	return routing.Answer{Code: 402, Reason: "Payment Required"}, nil
}

// Who asks: as the proxy has authenticated him, or else the user in the From of SIP.
func caller(request routing.Request) (string, bool) {
	if user, ok := request.Attributes["user"]; ok {
		return user, true
	}
	for _, field := range request.Fields {
		if field.Name == "from" {
			_, uri, ok := strings.Cut(routing.Text(field.Value), "sip:")
			if end := strings.IndexAny(uri, "@>;"); end >= 0 {
				uri = uri[:end]
			}
			return uri, ok
		}
	}
	return "", false
}
