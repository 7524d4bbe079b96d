# Every target calls ./run, which says what each one does.
.PHONY: setup serve test check format bench fuzz conformance
setup serve test check format bench fuzz conformance:
	@./run $@
