module plumbline/node-exporter

go 1.26.4

require github.com/prometheus/node_exporter v1.12.1
