package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

type named struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

type validation struct {
	Expression        string `json:"expression"`
	MessageExpression string `json:"messageExpression"`
	Message           string `json:"message"`
}

type policy struct {
	ID              string       `json:"id"`
	Params          bool         `json:"params"`
	Variables       []named      `json:"variables"`
	MatchConditions []named      `json:"matchConditions"`
	Validations     []validation `json:"validations"`
}

type review struct {
	Object          json.RawMessage               `json:"object"`
	OldObject       json.RawMessage               `json:"oldObject"`
	Request         *admissionv1.AdmissionRequest `json:"request"`
	Params          json.RawMessage               `json:"params"`
	NamespaceObject *corev1.Namespace             `json:"namespaceObject"`
}

type problem struct {
	Policy  string `json:"policy"`
	At      string `json:"at"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type verdict struct {
	Policy  string `json:"policy"`
	Verdict string `json:"verdict"`
	Message string `json:"message,omitempty"`
}

// expression is what the API server's compiler wants to know of one.
type expression struct {
	name, text string
	result     []*cel.Type
}

func (e *expression) GetName() string          { return e.name }
func (e *expression) GetExpression() string    { return e.text }
func (e *expression) ReturnTypes() []*cel.Type { return e.result }

// compiled holds a policy in the parts that the API server makes of it.
type compiled struct {
	policy                        policy
	conditions, checks, sentences plugincel.ConditionEvaluator
	problems                      []problem
}

type judge struct {
	base     *environment.EnvSet
	policies []*compiled
}

func newJudge() *judge {
	return &judge{base: environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())}
}

func (j *judge) answer(line []byte) (any, error) {
	var request struct {
		Compile  []policy `json:"compile"`
		Judge    *review  `json:"judge"`
		Policies []string `json:"policies"`
	}
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, fmt.Errorf("not a request: %w", err)
	}
	if request.Judge == nil {
		if request.Compile == nil {
			return nil, errors.New(`not a request: it has neither "compile" nor "judge"`)
		}
		return j.compile(request.Compile)
	}
	return j.judge(request.Judge, request.Policies)
}

func (j *judge) compile(policies []policy) (any, error) {
	j.policies = nil
	problems := []problem{}
	for _, each := range policies {
		c, err := compilePolicy(j.base, each)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", each.ID, err)
		}
		j.policies = append(j.policies, c)
		problems = append(problems, c.problems...)
	}
	return map[string]any{"problems": problems}, nil
}

// compilePolicy does what k8s.io/apiserver/pkg/admission/plugin/policy/validating does with a policy, without the clients
// that package brings along. An authorizer is not offered: outside the API server there is none to ask.
func compilePolicy(base *environment.EnvSet, p policy) (*compiled, error) {
	compiler, err := plugincel.NewCompositedCompiler(base)
	if err != nil {
		return nil, err
	}
	c := &compiled{policy: p}
	options := plugincel.OptionalVariableDeclarations{HasParams: p.Params}
	mode := environment.StoredExpressions
	add := func(at string, result plugincel.CompilationResult) {
		if result.Error != nil {
			c.problems = append(c.problems, problemsOf(p.ID, at, result.Error)...)
		}
	}
	for i, each := range p.Variables {
		e := &expression{name: each.Name, text: each.Expression, result: []*cel.Type{cel.AnyType, cel.DynType}}
		add(fmt.Sprintf("variables[%d] %s", i, each.Name), compiler.CompileAndStoreVariable(e, options, mode))
	}
	group := func(at string, n int, part func(i int) (string, *cel.Type)) plugincel.ConditionEvaluator {
		accessors := make([]plugincel.ExpressionAccessor, n)
		for i := range n {
			text, result := part(i)
			if text == "" {
				continue
			}
			e := &expression{text: text, result: []*cel.Type{result}}
			accessors[i] = e
			add(fmt.Sprintf(at, i), compiler.CompileCELExpression(e, options, mode))
		}
		return compiler.CompileCondition(accessors, options, mode)
	}
	c.conditions = group("matchConditions[%d].expression", len(p.MatchConditions), func(i int) (string, *cel.Type) {
		return p.MatchConditions[i].Expression, cel.BoolType
	})
	c.checks = group("validations[%d].expression", len(p.Validations), func(i int) (string, *cel.Type) {
		return p.Validations[i].Expression, cel.BoolType
	})
	c.sentences = group("validations[%d].messageExpression", len(p.Validations), func(i int) (string, *cel.Type) {
		return p.Validations[i].MessageExpression, cel.StringType
	})
	return c, nil
}

func problemsOf(id, at string, failure *apiservercel.Error) []problem {
	var compilation *apiservercel.CompilationError
	if !errors.As(failure, &compilation) || compilation.Issues == nil {
		return []problem{{Policy: id, At: at, Message: failure.Detail}}
	}
	problems := []problem{}
	for _, each := range compilation.Issues.Errors() {
		problems = append(problems, problem{Policy: id, At: at, Line: each.Location.Line(), Column: each.Location.Column() + 1, Message: each.Message})
	}
	return problems
}

func (j *judge) judge(r *review, ids []string) (any, error) {
	selected := j.policies
	if ids != nil {
		selected = nil
		for _, id := range ids {
			c := j.find(id)
			if c == nil {
				return nil, fmt.Errorf("policy %q was not compiled", id)
			}
			selected = append(selected, c)
		}
	}
	object, err := decodeObject(r.Object)
	if err != nil {
		return nil, err
	}
	oldObject, err := decodeObject(r.OldObject)
	if err != nil {
		return nil, fmt.Errorf("oldObject: %w", err)
	}
	params, err := decodeObject(r.Params)
	if err != nil {
		return nil, fmt.Errorf("params: %w", err)
	}
	if r.Request == nil {
		r.Request = &admissionv1.AdmissionRequest{Operation: admissionv1.Create}
	}
	verdicts := []verdict{}
	for _, each := range selected {
		attributes := admission.NewAttributesRecord(object, oldObject, schema.GroupVersionKind{}, r.Request.Namespace, r.Request.Name,
			schema.GroupVersionResource{}, "", admission.Operation(r.Request.Operation), nil, false, &user.DefaultInfo{})
		versioned := &admission.VersionedAttributes{Attributes: attributes}
		if object != nil {
			versioned.VersionedObject = admission.NewLazyObject(object)
		}
		if oldObject != nil {
			versioned.VersionedOldObject = admission.NewLazyObject(oldObject)
		}
		verdicts = append(verdicts, each.verdict(versioned, r, plugincel.OptionalVariableBindings{VersionedParams: params}))
	}
	return map[string]any{"verdicts": verdicts}, nil
}

func (j *judge) find(id string) *compiled {
	for _, each := range j.policies {
		if each.policy.ID == id {
			return each
		}
	}
	return nil
}

// verdict follows the API server's order (match conditions, validations, then messages) within its cost budget. As with
// failurePolicy Fail, an expression that cannot be evaluated is no pass.
func (c *compiled) verdict(attributes *admission.VersionedAttributes, r *review, bindings plugincel.OptionalVariableBindings) verdict {
	answer := func(word, message string) verdict {
		return verdict{Policy: c.policy.ID, Verdict: word, Message: message}
	}
	budget := int64(celconfig.RuntimeCELCostBudget)
	namespace := plugincel.CreateNamespaceObject(r.NamespaceObject)
	evaluate := func(part plugincel.ConditionEvaluator, budget int64) ([]plugincel.EvaluationResult, int64, error) {
		return part.ForInput(context.Background(), attributes, r.Request, bindings, namespace, budget)
	}
	conditions, _, err := evaluate(c.conditions, int64(celconfig.RuntimeCELCostBudgetMatchConditions))
	if err != nil {
		return answer("error", err.Error())
	}
	var conditionErrors []string
	for _, each := range conditions {
		if each.Error != nil {
			conditionErrors = append(conditionErrors, each.Error.Error())
		} else if each.EvalResult != types.True {
			return answer("skip", "")
		}
	}
	if conditionErrors != nil {
		return answer("error", strings.Join(conditionErrors, "; "))
	}
	checks, rest, err := evaluate(c.checks, budget)
	if err != nil {
		return answer("error", err.Error())
	}
	for i, each := range checks {
		if each.Error != nil {
			return answer("error", each.Error.Error())
		}
		if each.EvalResult != types.True {
			sentences, _, err := evaluate(c.sentences, rest)
			if err != nil {
				return answer("error", "messageExpression: "+err.Error())
			}
			return answer("fail", message(c.policy.Validations[i], sentences[i]))
		}
	}
	return answer("pass", "")
}

// message is the first of the expression's result, the fixed text and the expression itself that the API server would show.
func message(v validation, result plugincel.EvaluationResult) string {
	if result.Error == nil && result.EvalResult != nil {
		if text, ok := result.EvalResult.Value().(string); ok {
			text = strings.TrimSpace(text)
			if text != "" && len(text) <= celconfig.MaxEvaluatedMessageExpressionSizeBytes && !strings.Contains(text, "\n") {
				return text
			}
		}
	}
	if text := strings.TrimSpace(v.Message); text != "" {
		return text
	}
	return "failed expression: " + strings.TrimSpace(v.Expression)
}
