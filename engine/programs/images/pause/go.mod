module plumbline/pause

go 1.26.0
