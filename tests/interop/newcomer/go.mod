module sogoc.example/newcomer

go 1.22
