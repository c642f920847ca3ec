//! The products that can be ordered. A file of its own because no call lists them: ids, names and disks
//! are from the description of *Create a new instance* in Contabo's OpenAPI document of August 2026,
//! processors and memory from Contabo's product documentation (docs.contabo.com, September 2026). Look
//! at both when a generation changes; an id that is not here can be ordered as well once it is.
//!
//! Left out are the Storage VPSs (V93 to V105), which the same document says the API does not support.
//! No price is in it, nor anywhere in the API before a machine is ordered, and those of the web pages
//! depend on currency, tax, region and period: a number here would be wrong for most.

/// One product.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Virtual processors; of a VDS, physical cores that are the customer's own.
    pub(crate) cpus: u32,
    pub(crate) memory_gib: u64,
    pub(crate) disk_gb: u64,
    /// What a data center has to be capable of: `VPS` or `VDS`.
    pub(crate) kind: &'static str,
}

const fn vps(
    id: &'static str,
    name: &'static str,
    cpus: u32,
    memory_gib: u64,
    disk_gb: u64,
) -> Product {
    Product {
        id,
        name,
        cpus,
        memory_gib,
        disk_gb,
        kind: "VPS",
    }
}

const fn vds(
    id: &'static str,
    name: &'static str,
    cpus: u32,
    memory_gib: u64,
    disk_gb: u64,
) -> Product {
    Product {
        kind: "VDS",
        ..vps(id, name, cpus, memory_gib, disk_gb)
    }
}

/// All of them, the default first: the smallest, which is the API's own default, too.
pub(crate) const PRODUCTS: &[Product] = &[
    vps("V153", "Cloud VPS 4", 4, 8, 100),
    vps("V154", "Cloud VPS 6", 6, 12, 200),
    vps("V155", "Cloud VPS 8", 8, 24, 300),
    vps("V156", "Cloud VPS 12", 12, 48, 400),
    vps("V157", "Cloud VPS 16", 16, 64, 500),
    vps("V158", "Cloud VPS 18", 18, 96, 600),
    vps("V159", "Cloud VPS Plus 4", 4, 8, 150),
    vps("V160", "Cloud VPS Plus 6", 6, 12, 300),
    vps("V161", "Cloud VPS Plus 8", 8, 24, 450),
    vps("V162", "Cloud VPS Plus 12", 12, 48, 600),
    vps("V163", "Cloud VPS Plus 16", 16, 64, 750),
    vps("V164", "Cloud VPS Plus 18", 18, 96, 900),
    vds("V8", "VDS S", 3, 24, 180),
    vds("V9", "VDS M", 4, 32, 240),
    vds("V10", "VDS L", 6, 48, 360),
    vds("V11", "VDS XL", 8, 64, 480),
    vds("V16", "VDS XXL", 12, 96, 720),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_document() {
        let Some(document) = crate::fake::api_document() else {
            return;
        };
        let text = document["paths"]["/v1/compute/instances"]["post"]["description"]
            .as_str()
            .expect("a description");
        for product in PRODUCTS {
            let row = format!(
                "<td>{}</td><td>{}</td><td>{} GB ",
                product.id, product.name, product.disk_gb
            );
            assert!(text.contains(&row), "{row}");
        }
        let storage = text.matches(" Storage</td>").count();
        let rows = text.matches("<tr><td>").count();
        assert_eq!(rows - storage, PRODUCTS.len(), "the document has others");
        let default =
            &document["components"]["schemas"]["CreateInstanceRequest"]["properties"]["productId"];
        assert_eq!(default["default"], PRODUCTS[0].id);
    }
}
