// Package okta stands for Okta's client, whose one package of 14 MB takes a minute to compile and which Vault needs for a
// second factor at logins that nobody here has. Whoever asks for one is refused.
package okta

import (
	"context"
	"errors"
	"net/http"
)

var errNone = errors.New("Okta as a second factor is not built into this Vault")

// Configuration of a client.
type Configuration struct{ Context context.Context }

// ConfigSetter changes a configuration.
type ConfigSetter func(*Configuration)

func unchanged(*Configuration) {}

// WithToken is taken and has no effect, as those below.
func WithToken(string) ConfigSetter  { return unchanged }
func WithOrgUrl(string) ConfigSetter { return unchanged }
func WithCache(bool) ConfigSetter    { return unchanged }

// NewConfiguration refuses: nothing of what follows is reached.
func NewConfiguration(...ConfigSetter) (*Configuration, error) { return nil, errNone }

// Object has an identifier.
type Object struct{}

func (Object) GetId() string { return "" }

type (
	User           struct{ Object }
	UserFactorPush struct{ Object }
	Factor         struct{ UserFactorPush *UserFactorPush }
	Result         struct{ Links map[string]any }
	Transaction    struct {
		UserFactorPushTransactionWaiting, UserFactorPushTransaction, UserFactorPushTransactionRejected, UserFactorPushTransactionTimeout *Object
	}
)

func (Result) GetFactorResult() string { return "" }

// Call is a request that fails.
type Call[T any] struct{}

func (Call[T]) Execute() (answer T, response *http.Response, err error) { return answer, nil, errNone }
func (call Call[T]) Filter(string) Call[T]                              { return call }

type users struct{}

func (users) ListUsers(context.Context) (call Call[[]User]) { return call }

type factors struct{}

func (factors) ListFactors(context.Context, string) (call Call[[]Factor])        { return call }
func (factors) VerifyFactor(context.Context, string, string) (call Call[Result]) { return call }
func (factors) GetFactorTransactionStatus(context.Context, string, string, string) (call Call[Transaction]) {
	return call
}

// APIClient reaches nobody.
type APIClient struct {
	UserAPI       users
	UserFactorAPI factors
}

// NewAPIClient makes one.
func NewAPIClient(*Configuration) *APIClient { return &APIClient{} }

// GetConfig gives nothing that is used.
func (*APIClient) GetConfig() *Configuration { return &Configuration{Context: context.Background()} }
