module plumbline/vault

go 1.26.4

require github.com/hashicorp/vault v1.21.4
