module plumbline/alertmanager

go 1.26.4

require github.com/prometheus/alertmanager v0.31.1
