module plumbline/prometheus

go 1.26.4

require (
	github.com/prometheus/prometheus v0.315.1
	k8s.io/client-go v0.37.2
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
)
