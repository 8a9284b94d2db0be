"""Labels of what belongs to a stack, as Docker spells them, and Shoal's own."""

NAMESPACE = "com.docker.stack.namespace"
#: the image as the file names it
IMAGE = "com.docker.stack.image"
#: of a secret: a slow hash of its content, by which a change is seen; the content itself is never shown
CONTENT = "shoal.stack.content"
#: of a version of a secret or config: the name that the file gives it
VERSION_OF = "shoal.stack.version-of"
#: of a service that is a job of `jobs`: whether people may start it ("true", "false")
MANUAL = "shoal.stack.job.manual"
