module plumbline/actionlint

go 1.26.4

require github.com/rhysd/actionlint v1.7.12
