"""What the CDK made of infra/, fitted to an emulator: resources of types that it does not know are taken out."""

import json
import pathlib
import shutil
import subprocess
import sys

# Prints the types of CloudFormation that MiniStack makes, by a name of its own that is not an interface: it is pinned.
LIST_TYPES = "from ministack.services.cloudformation import provisioners as p; print('\\n'.join(p._RESOURCE_HANDLERS))"


def known_types():
    """The types that the emulator of this Python makes."""
    done = subprocess.run([sys.executable, "-c", LIST_TYPES], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def refers_to(value, names):
    """Whether `value` holds a Ref or Fn::GetAtt of one of the resources `names`."""
    if isinstance(value, list):
        return any(refers_to(item, names) for item in value)
    if not isinstance(value, dict):
        return False
    if value.get("Ref") in names:
        return True
    attribute = value.get("Fn::GetAtt", [None])
    if (attribute.split(".") if isinstance(attribute, str) else attribute)[0] in names:
        return True
    return any(refers_to(item, names) for item in value.values())


def strip(template, known):
    """Takes what the emulator cannot make out of `template`, and what needs it; gives the names of what went, by type."""
    resources, gone = template["Resources"], {}
    unknown = {name for name, resource in resources.items() if resource["Type"] not in known}
    while unknown:
        for name in unknown:
            gone[name] = resources.pop(name)["Type"]
        unknown = {name for name, resource in resources.items() if refers_to(resource.get("Properties", {}), gone)}
    for resource in resources.values():
        needed = resource.get("DependsOn", [])
        resource["DependsOn"] = [name for name in ([needed] if isinstance(needed, str) else needed) if name not in gone]
    outputs = template.get("Outputs", {})
    for name in [name for name, output in outputs.items() if refers_to(output, gone)]:
        del outputs[name]
    if template.pop("Transform", None):
        gone["Transform"] = "Transform"
    return gone


def fit(source, target, known):
    """Copies the assembly `source` to `target`, stripped; gives {stack: the types that went, sorted}."""
    shutil.copytree(source, target)
    went = {}
    for path in sorted(pathlib.Path(target).glob("*.template.json")):
        template = json.loads(path.read_text())
        gone = strip(template, known)
        path.write_text(json.dumps(template))
        went[path.name.removesuffix(".template.json")] = sorted(set(gone.values()))
    return went
