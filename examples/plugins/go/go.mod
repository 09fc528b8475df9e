module credit-check

go 1.27
