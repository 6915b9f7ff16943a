# The stacks of infra/: checked, tested and made, without an account; and deployed to an emulator. Sourced by ./dev.
# shellcheck shell=bash disable=SC2154

NODE_AT_LEAST=20.19
export CDK_DISABLE_CLI_TELEMETRY=true CDK_DISABLE_VERSION_CHECK=1 AWS_EC2_METADATA_DISABLED=true

# infra_node: Node and infra/node_modules as package-lock.json has them.
infra_node() {
  local have kept=infra/node_modules/.installed-lock.json
  have=$(node --version 2>/dev/null || true)
  if [ -z "$have" ] || ! printf '%s\n' "$NODE_AT_LEAST" "${have#v}" | sort -CV; then
    printf 'infra/ needs Node %s or later with npm; here is %s. Debian 12 has 18 only: see docs/aws.md\n' \
      "$NODE_AT_LEAST" "${have:-none}" >&2
    exit 1
  fi
  cmp -s infra/package-lock.json "$kept" && return
  say "the CDK and what belongs to it"
  run_it npm --prefix infra ci --no-progress
  cp infra/package-lock.json "$kept"
}

# Everything about the stacks that needs no emulator; adds what passed to PASSED.
infra_checks() {
  local log passed out=$PWD/build/infra every=$PWD/build/infra/every-stack.yaml
  infra_node
  python_venv build/venv-infra infra/requirements.txt
  rm -rf "$out"
  mkdir -p "$out"
  say "types"
  run_it npm --prefix infra run --silent check
  say "tests of the stacks"
  log=$out/tests.log
  if ! NO_COLOR=1 run_it npm --prefix infra run --silent test >"$log" 2>&1; then
    cat "$log"
    exit 1
  fi
  passed=$(sed -n 's/^ *Tests  *\([0-9][0-9]*\) passed ([0-9]*)$/\1/p' "$log")
  if [ -z "$passed" ]; then
    cat "$log"
    printf 'vitest skipped tests or ran none\n'
    exit 1
  fi
  printf '%s passed\n' "$passed"
  say "every stack, past cdk-nag"
  sed 's/enabled: false/enabled: true/; s/bastion: false/bastion: true/' infra/config-files/configs.yaml >"$every"
  (cd infra && run_it node_modules/.bin/cdk synth --quiet --no-notices --no-lookups --output "$out/cdk.out" \
    -c package=test/package -c config="$every")
  say "cfn-lint"
  run_it build/venv-infra/bin/cfn-lint --config-file infra/.cfnlintrc.yaml "$out"/cdk.out/*.template.json \
    "$out"/cdk.out/*/*.template.json
  PASSED=$((PASSED + passed + 3))
}

infra() {
  infra_checks
  printf '%s passed, 0 failed\n' "$PASSED"
}

# The stacks deployed to an emulator of AWS, asked through AWS's own interfaces.
aws_tests() {
  local PYTHON=$PYTHON
  infra_node
  python_venv build/venv-aws tests/requirements-aws.txt
  say "the stacks on an emulator of AWS"
  PYTHON=$PWD/build/venv-aws/bin/python
  python_tests tests/aws
}
