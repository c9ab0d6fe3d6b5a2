"""The contract as Python sees it: the descriptor set, and classes made from it."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def load(path):
    """The FileDescriptorSet that protoc wrote."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        files.ParseFromString(file.read())
    return files


def classes(files):
    """Message classes by full name."""
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    found = {}
    for file in files.file:
        for message in file.message_type:
            name = f"{file.package}.{message.name}"
            found[name] = factory.GetPrototype(pool.FindMessageTypeByName(name))
    return found
