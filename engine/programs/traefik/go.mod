module plumbline/traefik

go 1.26.4

require github.com/traefik/traefik/v3 v3.6.12

require github.com/go-acme/lego/v4 v4.35.2 // indirect

// Forks that the program is written against.
replace (
	github.com/abbot/go-http-auth => github.com/containous/go-http-auth v0.4.1-0.20200324110947-a37a7636d23e
	github.com/gorilla/mux => github.com/containous/mux v0.0.0-20250523120546-41b6ec3aed59
)

// The package is in two modules otherwise.
exclude github.com/tencentcloud/tencentcloud-sdk-go v3.0.83+incompatible

require (
	k8s.io/api v0.37.2
	k8s.io/apiextensions-apiserver v0.37.2
	k8s.io/apimachinery v0.37.2
	k8s.io/client-go v0.37.2
)
