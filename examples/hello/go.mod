module plumbline/hello

go 1.25
