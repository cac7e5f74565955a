module plumbline/distribution

go 1.26.4

require github.com/distribution/distribution/v3 v3.1.2
