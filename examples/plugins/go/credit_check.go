// Package export_routing_contract_router lets those through who have credit. The service is
// asked by its name, billing.
package export_routing_contract_router

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	. "go.bytecodealliance.org/pkg/wit/types"
	rest "wit_component/rest_client_rest"
	types "wit_component/rest_client_types"
	contract "wit_component/routing_contract_decisions"
)

func Check() Result[Unit, string] {
	return Ok[Unit, string](Unit{})
}

func Route(request contract.Request) Result[contract.Decision, string] {
	decision, err := decide(request)
	if err != nil {
		return Err[contract.Decision, string](err.Error())
	}
	return Ok[contract.Decision, string](decision)
}

func decide(request contract.Request) (decision contract.Decision, err error) {
	who, err := caller(request)
	if err != nil {
		return decision, err
	}
	url := "http://billing.service.internal/credit?caller=" + rest.RestEscape(who)
	outcome := rest.RestGet(url, None[types.RequestOptions]())
	if outcome.IsErr() {
		return decision, describe(outcome.Err())
	}
	reply := outcome.Ok()
	switch reply.Status {
	case 404:
		return refuse(403, "Unknown Caller"), nil
	case 200:
	default:
		return decision, fmt.Errorf("billing answered with %d", reply.Status)
	}
	// A text that is no UTF-8 would end the plugin at the border.
	credit := strings.ToValidUTF8(strings.TrimSpace(string(reply.Body)), "?")
	first, _, _ := strings.Cut(credit, " ")
	amount, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return decision, fmt.Errorf("billing says %q, which is no amount", credit)
	}
	if amount > 0 {
		return goOn("credit " + credit), nil
	}
	return refuse(402, "Payment Required"), nil
}

var uri = regexp.MustCompile("sip:([^@>;]*)")

// Whom the proxy has authenticated; in SIP, if it has not, who the From claims to be.
func caller(request contract.Request) (string, error) {
	for _, attribute := range request.Attributes {
		if attribute.F0 == "user" {
			return attribute.F1, nil
		}
	}
	isSip := request.Protocol == contract.Protocol_Sip
	for _, field := range request.Fields {
		if found := uri.FindSubmatch(field.F1); isSip && field.F0 == "from" && found != nil {
			return strings.ToValidUTF8(string(found[1]), "?"), nil
		}
	}
	return "", fmt.Errorf("nobody says who is calling")
}

func goOn(reason string) contract.Decision {
	attributes := contract.Attributes{{F0: "reason", F1: reason}}
	return contract.MakeDecisionContinue(contract.Changes{Attributes: attributes})
}

func refuse(code uint16, reason string) contract.Decision {
	return contract.MakeDecisionAnswer(contract.Answer{Code: code, Reason: Some(reason)})
}

// An error in words. That of a timeout is the part of the reply which came, and no text.
func describe(problem rest.RestError) error {
	if problem.Tag() == types.RestError_TransferTimeout {
		return fmt.Errorf("billing took too long")
	}
	return fmt.Errorf("billing can't be asked: %v", problem)
}
